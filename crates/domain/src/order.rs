//! Commands to an order. Each command is in its own file, with its body, its decision and its tests: [`place`], [`amend`], [`cancel`],
//! [`hold`], [`release`], [`tag`] and so on; commands to parts of an order are in [`payment`], [`fulfilment`] and [`returns`]. The
//! platform issues [`expire`] and [`complete`].
//!
//! The state of an order is in [`state`]. Rules that several commands share: [`guards`] (is the order open?), [`units`] (how many units
//! of each line?), [`pricing`] and [`line_pricing`], [`reservation`] and [`backorders`] (stock of the lines), [`personal_data`].

pub mod add_note;
pub mod amend;
pub mod assign_customer;
pub(crate) mod backorders;
pub mod cancel;
pub mod change_addresses;
pub mod complete;
pub mod erase_personal_data;
pub mod expire;
pub mod fulfilment;
pub(crate) mod guards;
pub mod hold;
pub mod line;
pub(crate) mod line_pricing;
pub mod payment;
pub(crate) mod personal_data;
pub mod place;
pub(crate) mod pricing;
pub mod release;
pub(crate) mod reservation;
pub mod returns;
pub mod shipping;
pub mod shortage;
pub mod state;
pub mod tag;
pub(crate) mod units;

use events::OrderId;
use events::order::PartNo;
use events::order::progress::{Lifecycle, LineProgress};
use serde::Serialize;

use crate::command::name_and_instant::NameAndInstant;
use crate::decision::{Context, Decision};
use crate::order::add_note::AddNote;
use crate::order::amend::AmendOrder;
use crate::order::assign_customer::AssignCustomer;
use crate::order::cancel::CancelOrder;
use crate::order::change_addresses::ChangeAddresses;
use crate::order::fulfilment::cancel::CancelFulfilment;
use crate::order::fulfilment::create::CreateFulfilment;
use crate::order::fulfilment::deliver::DeliverFulfilment;
use crate::order::fulfilment::ship::ShipFulfilment;
use crate::order::hold::HoldOrder;
use crate::order::payment::record::RecordPayment;
use crate::order::payment::refund::RecordRefund;
use crate::order::release::ReleaseOrder;
use crate::order::returns::receive::ReceiveReturn;
use crate::order::returns::reject::RejectReturn;
use crate::order::returns::request::RequestReturn;
use crate::order::state::Order;
use crate::order::tag::TagOrder;
use crate::reader::Reader;
use crate::rejection::{AllowedCommand, Obstacle, OrderState, Rejection};

/// A command to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum OrderCommand {
    AmendOrder {
        body: AmendOrder,
    },
    CancelOrder {
        body: CancelOrder,
    },
    HoldOrder {
        body: HoldOrder,
    },
    ReleaseOrder {
        body: ReleaseOrder,
    },
    RecordPayment {
        body: RecordPayment,
    },
    RecordRefund {
        body: RecordRefund,
    },
    CreateFulfilment {
        body: CreateFulfilment,
    },
    ShipFulfilment {
        fulfilment: PartNo,
        body: ShipFulfilment,
    },
    DeliverFulfilment {
        fulfilment: PartNo,
        body: DeliverFulfilment,
    },
    CancelFulfilment {
        fulfilment: PartNo,
        body: CancelFulfilment,
    },
    RequestReturn {
        body: RequestReturn,
    },
    ReceiveReturn {
        return_no: PartNo,
        body: ReceiveReturn,
    },
    RejectReturn {
        return_no: PartNo,
        body: RejectReturn,
    },
    AddNote {
        body: AddNote,
    },
    TagOrder {
        body: TagOrder,
    },
    ChangeAddresses {
        body: ChangeAddresses,
    },
    AssignCustomer {
        body: AssignCustomer,
    },
    /// Erase the personal data of the order.
    ErasePersonalData {},
    /// End the order, if it is unpaid at its `payment_due`; issued by the platform.
    ExpireOrder {},
    /// Close the order, if everything is delivered or cancelled and nothing is owed; issued by the platform.
    CompleteOrder {},
}

impl OrderCommand {
    pub(crate) fn name_and_instant(&self) -> NameAndInstant {
        match self {
            Self::AmendOrder { body } => ("amend_order", body.occurred_at),
            Self::CancelOrder { body } => ("cancel_order", body.occurred_at),
            Self::HoldOrder { body } => ("hold_order", body.occurred_at),
            Self::ReleaseOrder { body } => ("release_order", body.occurred_at),
            Self::RecordPayment { body } => ("record_payment", body.occurred_at()),
            Self::RecordRefund { body } => ("record_refund", body.occurred_at),
            Self::CreateFulfilment { body } => ("create_fulfilment", body.occurred_at),
            Self::ShipFulfilment { body, .. } => ("ship_fulfilment", body.occurred_at),
            Self::DeliverFulfilment { body, .. } => ("deliver_fulfilment", body.occurred_at),
            Self::CancelFulfilment { body, .. } => ("cancel_fulfilment", body.occurred_at),
            Self::RequestReturn { body } => ("request_return", body.occurred_at),
            Self::ReceiveReturn { body, .. } => ("receive_return", body.occurred_at),
            Self::RejectReturn { body, .. } => ("reject_return", body.occurred_at),
            Self::AddNote { body } => ("add_note", body.occurred_at),
            Self::TagOrder { body } => ("tag_order", body.occurred_at),
            Self::ChangeAddresses { body } => ("change_addresses", body.occurred_at),
            Self::AssignCustomer { body } => ("assign_customer", body.occurred_at),
            Self::ErasePersonalData {} => ("erase_personal_data", None),
            Self::ExpireOrder {} => ("expire_order", None),
            Self::CompleteOrder {} => ("complete_order", None),
        }
    }
}

/// Decides a command of this group. A rejection by the state of the order gets the commands that the state allows.
pub(crate) fn decide(id: OrderId, command: &OrderCommand, context: &Context, reader: &Reader<'_>) -> Decision {
    dispatch(id, command, context, reader).map_err(|rejection| match rejection {
        Rejection::OrderState(state) => {
            let allowed =
                reader.order(id).map(|(_, order)| allowed_commands(order, state.obstacle)).unwrap_or_default();
            Rejection::OrderState(OrderState { allowed, ..state })
        }
        other => other,
    })
}

/// Commands that the state of the order allows; first those to the fulfilment or return that the obstacle names.
fn allowed_commands(order: &Order, obstacle: Obstacle) -> Vec<AllowedCommand> {
    let progress = &order.progress;
    let any = |units: fn(&LineProgress) -> u32| progress.lines.iter().any(|line| units(line) > 0);
    let is_open = progress.lifecycle == Lifecycle::Open;
    let was_shipped = matches!(progress.lifecycle, Lifecycle::Open | Lifecycle::Completed);
    let accepts_personal_data = !order.personal_data_erased;
    let to_order = [
        // Payments are recorded in every state of the order.
        ("record_payment", true),
        ("record_refund", progress.payments.iter().any(|payment| payment.refunded < payment.captured)),
        ("create_fulfilment", is_open && !progress.held && any(LineProgress::unfulfilled)),
        ("cancel_order", is_open && any(units::unshipped)),
        ("request_return", was_shipped && any(LineProgress::returnable)),
        ("amend_order", is_open),
        ("hold_order", is_open && !progress.held),
        ("release_order", is_open && progress.held),
        ("change_addresses", is_open && !any(|line| line.shipped) && accepts_personal_data),
        // Notes, tags and the customer can change in every state of the order.
        ("add_note", accepts_personal_data),
        ("tag_order", true),
        ("assign_customer", accepts_personal_data),
    ];
    let mut allowed = match obstacle {
        Obstacle::Fulfilment(number, state) => fulfilment::allowed_commands(number, state, progress.held),
        Obstacle::Return(number, state) => returns::allowed_commands(number, state),
        Obstacle::Lifecycle
        | Obstacle::AllShipped
        | Obstacle::SomeShipped
        | Obstacle::OnHold
        | Obstacle::OtherShipment(_)
        | Obstacle::Captured(_) => Vec::new(),
    };
    allowed
        .extend(to_order.iter().filter(|(_, is_allowed)| *is_allowed).map(|(name, _)| AllowedCommand::to_order(name)));
    allowed
}

fn dispatch(id: OrderId, command: &OrderCommand, context: &Context, reader: &Reader<'_>) -> Decision {
    use OrderCommand::*;
    match command {
        AmendOrder { body } => amend::amend(id, body, reader),
        CancelOrder { body } => cancel::cancel(id, body, reader),
        HoldOrder { body } => hold::hold(id, body, reader),
        ReleaseOrder { .. } => release::release(id, reader),
        RecordPayment { body } => payment::record::record(id, body, reader),
        RecordRefund { body } => payment::refund::refund(id, body, reader),
        CreateFulfilment { body } => fulfilment::create::create(id, body, reader),
        ShipFulfilment { fulfilment, body } => fulfilment::ship::ship(id, *fulfilment, body, reader),
        DeliverFulfilment { fulfilment, .. } => fulfilment::deliver::deliver(id, *fulfilment, reader),
        CancelFulfilment { fulfilment, .. } => fulfilment::cancel::cancel(id, *fulfilment, reader),
        RequestReturn { body } => returns::request::request(id, body, reader),
        ReceiveReturn { return_no, body } => returns::receive::receive(id, *return_no, body, reader),
        RejectReturn { return_no, body } => returns::reject::reject(id, *return_no, body, reader),
        AddNote { body } => add_note::note(id, body, reader),
        TagOrder { body } => tag::tag(id, body, reader),
        ChangeAddresses { body } => change_addresses::change_addresses(id, body, reader),
        AssignCustomer { body } => assign_customer::assign_customer(id, body, reader),
        ErasePersonalData {} => erase_personal_data::erase(id, reader),
        ExpireOrder {} => expire::expire(id, context, reader),
        CompleteOrder {} => complete::complete(id, reader),
    }
}
