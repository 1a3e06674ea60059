-- The orders of a channel, as those of a status. Without it a list of a channel that has few orders reads every order there is.
-- It costs each change of an order one more entry; all its indexes are written anyway, because a status changes with it.
create index orders_channel on orders (channel, id desc);
