//! The conditions of an [`OrderFilter`] on the columns of `order_search s` and `orders o`. [`super::select`] adds them to its
//! statements.

use super::filter::OrderFilter;
use crate::reads::database::statement::Statement;

/// Adds all conditions except those on order ids.
pub(super) fn push_conditions(filter: &OrderFilter, statement: &mut Statement) {
    push_references(filter, statement);
    push_labels(filter, statement);
    push_amounts(filter, statement);
    push_progress(filter, statement);
}

fn push_references(filter: &OrderFilter, statement: &mut Statement) {
    let OrderFilter { channel, customer_id, code, external_ref, .. } = filter;
    if let Some(channel) = channel {
        statement.push(" and s.channel = ").bind(channel.as_str());
    }
    if let Some(customer_id) = customer_id {
        statement.push(" and s.customer_id = ").bind(customer_id.uuid());
    }
    if let Some(code) = code {
        statement.push(" and s.code = ").bind(code.as_str());
    }
    if let Some(external_ref) = external_ref {
        let mut either = " and (s.external_ref = ";
        for form in external_ref.forms() {
            statement.push(either).bind(form);
            either = " or s.external_ref = ";
        }
        statement.push(")");
    }
}

fn push_labels(filter: &OrderFilter, statement: &mut Statement) {
    let OrderFilter { sku, tags, text, .. } = filter;
    if let Some(sku) = sku {
        statement.push(" and s.skus @> array[").bind(sku.as_str()).push("]");
    }
    for tag in tags {
        // The partial index contains only orders with tags; the planner uses it only if the query repeats the condition.
        let mut either = " and s.tags <> '{}' and (s.tags @> array[";
        for form in tag.forms() {
            statement.push(either).bind(form).push("]");
            either = " or s.tags @> array[";
        }
        statement.push(")");
    }
    for pattern in text.iter().flat_map(|text| text.patterns()) {
        statement.push(" and s.search_text like ").bind(pattern.as_str());
    }
}

fn push_amounts(filter: &OrderFilter, statement: &mut Statement) {
    let OrderFilter { total, due_above, owed, .. } = filter;
    if let Some(from) = total.from {
        statement.push(" and s.total >= ").bind(from);
    }
    if let Some(to) = total.to {
        statement.push(" and s.total < ").bind(to);
    }
    if let Some(above) = due_above {
        statement.push(" and s.due > ").bind(*above);
    }
    if let Some(owed) = owed {
        // Nobody owes more than what is due, which has an index.
        statement.push(" and s.due >= ").bind(*owed).push(" and o.owed >= ").bind(*owed);
    }
}

fn push_progress(filter: &OrderFilter, statement: &mut Statement) {
    let OrderFilter { payment_due_before, updated, .. } = filter;
    if let Some(numbers) = filter.status_numbers() {
        statement.push(" and o.status = any(").bind(numbers).push(")");
    }
    if let Some(before) = payment_due_before {
        statement.push(" and o.owed > 0 and s.payment_due < ").bind(*before);
    }
    if let Some(from) = updated.from {
        statement.push(" and o.updated_at >= ").bind(from);
    }
    if let Some(to) = updated.to {
        statement.push(" and o.updated_at < ").bind(to);
    }
}
