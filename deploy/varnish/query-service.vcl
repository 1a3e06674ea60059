# An example for Varnish 6 and later: a shared cache in front of the query service. `Cache-Control` of the responses decides what is
# stored and for how long; Varnish applies s-maxage, stale-while-revalidate, private, Vary and ETag by itself.
#
#   varnishd -a :8080 -f deploy/varnish/query-service.vcl -s malloc,256m
#
# A test of the query service runs this file.
vcl 4.1;

import std;

backend query_service {
    .host = "127.0.0.1";
    .port = "18082";
    # Longer than WAIT_MAX, up to which a request waits for its consistency token.
    .first_byte_timeout = 20s;
}

sub vcl_recv {
    # The response is never stored. Without this rule, Varnish would keep an entry that says so for every token.
    if (req.http.Consistency-Token) {
        return (pass);
    }
    # Readers of a stream must not wait for each other.
    if (req.url ~ "/stream(\?|$)") {
        return (pass);
    }
    # One entry for all orders of the same parameters.
    set req.url = std.querysort(req.url);
}

sub vcl_deliver {
    # RFC 9211.
    if (obj.hits > 0) {
        set resp.http.Cache-Status = "varnish; hit";
    } else {
        set resp.http.Cache-Status = "varnish; fwd=miss";
    }
}
