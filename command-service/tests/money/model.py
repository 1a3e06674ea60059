"""An independent model of the money of one order: prices, discounts, tax, payments, refunds.

It shares nothing with the platform but the documented rules, and computes with exact fractions:

- A line costs quantity * unit price, less its discounts, plus tax. Its discounts are its own and its share of the discount on
  the whole order (split by worth, largest remainder, the first line wins a tie). Both are given for the quantity that was asked
  for; another quantity has them in proportion. Discount and tax are rounded half-even, once per line.
- What is due is the price of the units that are not cancelled, and shipping. How an order came to its quantities is of no
  consequence.
- A refund for a return or as goodwill is not owed again; any other refund no longer counts as paid.

Each line of standard input is what the platform did with one order, as JSON; the answer is a line of JSON: a list of everything
that the model sees differently.
"""

import json
import sys
from fractions import Fraction

MILLION = 1_000_000


def half_even(exact):
    """Python rounds a fraction half to even."""
    return round(exact)


def split(amount, weights):
    """Parts of an amount by weight that sum to it."""
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
    def __init__(self, asked, quantity, share):
        self.price = asked["unit_price"]
        self.rate = Fraction(asked.get("tax_rate") or 0, MILLION)
        self.discount = Fraction((asked.get("discount") or 0) + share, asked["quantity"])  # per unit
        self.wanted = quantity
        self.cancelled = 0
        self.shipped = 0

    def costs(self, quantity):
        discount = half_even(self.discount * quantity)
        net = self.price * quantity - discount
        tax = half_even(net * self.rate)
        return {"discount": discount, "tax": tax, "total": net + tax}

    def due(self):
        return self.costs(self.wanted)["total"]


class Order:
    def __init__(self, body, given):
        shares = split(body.get("discount") or 0, [self.worth(line) for line in body["lines"]])
        lines = [Line(line, got, share) for line, got, share in zip(body["lines"], given, shares)]
        self.lines = [line for line in lines if line.wanted > 0]
        self.shipping = self.shipping_of(body.get("shipping_lines") or [])
        self.payments = []
        self.cancelled = False
        self.completed = False
        self.total = self.price()

    @staticmethod
    def worth(line):
        return line["unit_price"] * line["quantity"] - (line.get("discount") or 0)

    @staticmethod
    def shipping_of(lines):
        return sum(it["amount"] + half_even(it["amount"] * Fraction(it.get("tax_rate") or 0, MILLION)) for it in lines)

    @staticmethod
    def is_refused(body):
        worths = [Order.worth(line) for line in body["lines"]]
        return any(worth < 0 for worth in worths) or (body.get("discount") or 0) > sum(worths)

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

    def amend(self, body, given):
        changes = [(self.lines[it["line"] - 1], it) for it in body.get("change") or []]
        for (line, change), got in zip(changes, given["changed"]):
            if change.get("tax_rate") is not None:
                line.rate = Fraction(change["tax_rate"], MILLION)
            if change.get("discount") is not None:
                line.discount = Fraction(change["discount"], change.get("quantity") or line.wanted)  # per unit
            line.wanted = got
        for number in body.get("remove") or []:
            self.lines[number - 1].wanted = 0
        for line, got in zip(body.get("add") or [], given["added"]):
            if got:
                self.lines.append(Line(line, got, 0))
        if body.get("shipping_lines") is not None:
            self.shipping = self.shipping_of(body["shipping_lines"])
        self.total = self.price()

    def is_amendment_refused(self, body):
        for change in body.get("change") or []:
            line = self.lines[change["line"] - 1]
            quantity = change.get("quantity") or line.wanted
            if (change.get("discount") or 0) > line.price * quantity:
                return True
        return any(self.worth(line) < 0 for line in body.get("add") or [])

    def cancel(self, units):
        for line, quantity in units:
            self.lines[line - 1].wanted -= quantity
            self.lines[line - 1].cancelled += quantity
        self.cancelled = all(line.wanted == 0 for line in self.lines)

    def capture(self, amount):
        self.payments.append({"captured": amount, "refunded": 0, "repaid": 0})

    def is_refund_refused(self, body):
        payment = self.payments[body["payment"] - 1]
        return body["amount"] > payment["captured"] - payment["refunded"]

    def refund(self, body):
        payment = self.payments[body["payment"] - 1]
        payment["refunded"] += body["amount"]
        if "return" not in body and body.get("kind", "repayment") == "repayment":
            payment["repaid"] += body["amount"]

    def seen(self):
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
    """Everything that the model sees differently from what the platform recorded."""
    differences = []
    expect_refusal(differences, "place", history["outcome"], "discount-exceeded", Order.is_refused(history["order"]))
    if history["outcome"] != "accepted":
        return differences
    order = Order(history["order"], history["given"])
    compare(differences, "place", order, history["seen"])
    for number, step in enumerate(history["steps"], 1):
        what, body, outcome = f"step {number}, {step['do']}", step.get("body"), step["outcome"]
        if step["do"] == "amend":
            expect_refusal(differences, what, outcome, "discount-exceeded", order.is_amendment_refused(body))
        if step["do"] == "refund" and body["payment"] <= len(order.payments):
            expect_refusal(differences, what, outcome, "amount-exceeded", order.is_refund_refused(body))
        if outcome != "accepted":
            continue
        if step["do"] == "amend":
            order.amend(body, step["given"])
        elif step["do"] == "cancel":
            order.cancel(step["units"])
        elif step["do"] == "capture":
            order.capture(body["amount"])
        elif step["do"] == "refund":
            order.refund(body)
        elif step["do"] == "complete" and order.owed() > 0:
            differences.append(f"{what}: completed while {order.owed()} is owed")
        compare(differences, what, order, step["seen"])
    return differences


def expect_refusal(differences, what, outcome, refusal, is_refused):
    if (outcome == refusal) != is_refused and outcome in ("accepted", refusal):
        differences.append(f"{what}: {outcome}, but refused by the model: {is_refused}")


def compare(differences, what, order, seen):
    expected = order.seen()
    differences.extend(
        f"{what}: {name} is {seen[name]}, should be {value}" for name, value in expected.items() if seen[name] != value
    )


for history in sys.stdin:
    print(json.dumps(check(json.loads(history))), flush=True)
