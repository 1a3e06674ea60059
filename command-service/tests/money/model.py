"""An independent model of the amounts of one order: prices, discounts, tax, payments, refunds.

The model has only the documented rules in common with the platform, and computes with exact fractions:

- The amount of a line is quantity * unit price - discounts + tax. The discounts of a line are its own discount and its share of the
  discount on the whole order (split by amount, largest remainder, the first line wins a tie). Both are given for the requested
  quantity; another quantity has proportional discounts. Discount and tax are rounded half to even, once per line.
- The amount due is the amount of the units that are not cancelled, plus shipping. It does not depend on how the order reached its
  quantities.
- A refund for a return or as goodwill is not owed again; any other refund no longer counts as paid.

Each line of standard input is the history of one order on the platform, as JSON. The response is a line of JSON: the list of
differences between the model and the platform.
"""

import json
import sys
from fractions import Fraction

MILLION = 1_000_000


def half_even(exact):
    """Python rounds a fraction half to even."""
    return round(exact)


def split(amount, weights):
    """Splits an amount by weight; the parts sum to the amount."""
    whole = sum(weights)
    if whole == 0:
        return [amount if place == 0 else 0 for place in range(len(weights))]
    exact = [Fraction(amount * weight, whole) for weight in weights]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda place: (parts[place] - exact[place], place))
    for place in by_remainder[: amount - sum(parts)]:
        parts[place] += 1
    return parts


class Line:
    def __init__(self, body, quantity, share):
        self.price = body["unit_price"]
        self.rate = Fraction(body.get("tax_rate") or 0, MILLION)
        self.discount = Fraction((body.get("discount") or 0) + share, body["quantity"])  # per unit
        self.wanted = quantity
        self.cancelled = 0
        self.shipped = 0

    def amounts(self, quantity):
        discount = half_even(self.discount * quantity)
        net = self.price * quantity - discount
        tax = half_even(net * self.rate)
        return {"discount": discount, "tax": tax, "total": net + tax}

    def due(self):
        return self.amounts(self.wanted)["total"]


class Order:
    def __init__(self, body, reserved):
        shares = split(body.get("discount") or 0, [self.net(line) for line in body["lines"]])
        lines = [Line(line, units, share) for line, units, share in zip(body["lines"], reserved, shares)]
        self.lines = [line for line in lines if line.wanted > 0]
        self.shipping = self.shipping_of(body.get("shipping_lines") or [])
        self.payments = []
        self.cancelled = False
        self.completed = False
        self.total = self.price()

    @staticmethod
    def net(line):
        return line["unit_price"] * line["quantity"] - (line.get("discount") or 0)

    @staticmethod
    def shipping_of(lines):
        return sum(it["amount"] + half_even(it["amount"] * Fraction(it.get("tax_rate") or 0, MILLION)) for it in lines)

    @staticmethod
    def is_rejected(body):
        nets = [Order.net(line) for line in body["lines"]]
        return any(net < 0 for net in nets) or (body.get("discount") or 0) > sum(nets)

    def price(self):
        return self.shipping + sum(line.due() for line in self.lines)

    def due(self):
        return 0 if self.cancelled else self.price()

    def captured(self):
        return sum(payment["captured"] for payment in self.payments)

    def refunded(self):
        return sum(payment["refunded"] for payment in self.payments)

    def paid(self):
        return self.captured() - sum(payment["repaid"] for payment in self.payments)

    def owed(self):
        return max(0, self.due() - self.paid())

    def status(self):
        if self.refunded() > 0 and self.refunded() == self.captured():
            return "refunded"
        if self.paid() < self.due():
            return "partially_paid" if self.paid() > 0 else "unpaid"
        if self.paid() > self.due():
            return "overpaid"
        if self.captured() == 0:
            return "not_required"
        repaid = self.captured() - self.paid()
        return "partially_refunded" if self.refunded() > repaid else "paid"

    def amend(self, body, reserved):
        changes = [(self.lines[it["line"] - 1], it) for it in body.get("change") or []]
        for (line, change), units in zip(changes, reserved["changed"]):
            if change.get("tax_rate") is not None:
                line.rate = Fraction(change["tax_rate"], MILLION)
            if change.get("discount") is not None:
                line.discount = Fraction(change["discount"], change.get("quantity") or line.wanted)  # per unit
            line.wanted = units
        for number in body.get("remove") or []:
            self.lines[number - 1].wanted = 0
        for line, units in zip(body.get("add") or [], reserved["added"]):
            if units:
                self.lines.append(Line(line, units, 0))
        if body.get("shipping_lines") is not None:
            self.shipping = self.shipping_of(body["shipping_lines"])
        self.total = self.price()

    def is_amendment_rejected(self, body):
        for change in body.get("change") or []:
            line = self.lines[change["line"] - 1]
            quantity = change.get("quantity") or line.wanted
            if (change.get("discount") or 0) > line.price * quantity:
                return True
        return any(self.net(line) < 0 for line in body.get("add") or [])

    def cancel(self, units):
        for line, quantity in units:
            self.lines[line - 1].wanted -= quantity
            self.lines[line - 1].cancelled += quantity
        self.cancelled = all(line.wanted == 0 for line in self.lines)

    def capture(self, amount):
        self.payments.append({"captured": amount, "refunded": 0, "repaid": 0})

    def is_refund_rejected(self, body):
        payment = self.payments[body["payment"] - 1]
        return body["amount"] > payment["captured"] - payment["refunded"]

    def refund(self, body):
        payment = self.payments[body["payment"] - 1]
        payment["refunded"] += body["amount"]
        if "return" not in body and body.get("kind", "repayment") == "repayment":
            payment["repaid"] += body["amount"]

    def current_amounts(self):
        return {
            "due": self.due(),
            "owed": self.owed(),
            "captured": self.captured(),
            "refunded": self.refunded(),
            "total": self.total,
            "payment": self.status(),
            "lines": [line.due() for line in self.lines],
        }


def check(history):
    """The differences between the model and the platform."""
    differences = []
    expect_rejection(differences, "place", history["outcome"], "discount-exceeded", Order.is_rejected(history["order"]))
    if history["outcome"] != "accepted":
        return differences
    order = Order(history["order"], history["reserved"])
    compare(differences, "place", order, history["amounts"])
    for number, step in enumerate(history["steps"], 1):
        what, body, outcome = f"step {number}, {step['step']}", step.get("body"), step["outcome"]
        if step["step"] == "amend":
            expect_rejection(differences, what, outcome, "discount-exceeded", order.is_amendment_rejected(body))
        if step["step"] == "refund" and body["payment"] <= len(order.payments):
            expect_rejection(differences, what, outcome, "amount-exceeded", order.is_refund_rejected(body))
        if outcome != "accepted":
            continue
        if step["step"] == "amend":
            order.amend(body, step["reserved"])
        elif step["step"] == "cancel":
            order.cancel(step["units"])
        elif step["step"] == "capture":
            order.capture(body["amount"])
        elif step["step"] == "refund":
            order.refund(body)
        elif step["step"] == "complete" and order.owed() > 0:
            differences.append(f"{what}: completed while {order.owed()} is owed")
        compare(differences, what, order, step["amounts"])
    return differences


def expect_rejection(differences, what, outcome, rejection, is_rejected):
    if (outcome == rejection) != is_rejected and outcome in ("accepted", rejection):
        differences.append(f"{what}: {outcome}, but rejected by the model: {is_rejected}")


def compare(differences, what, order, amounts):
    expected = order.current_amounts()
    differences.extend(
        f"{what}: {name} is {amounts[name]}, should be {value}" for name, value in expected.items() if amounts[name] != value
    )


for history in sys.stdin:
    print(json.dumps(check(json.loads(history))), flush=True)
