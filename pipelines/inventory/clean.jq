# What is there, and what it is worth, in cents; an article without a price is
# kept, a count below zero is a mistake and is not.
select(.quantity >= 0)
| {
    warehouse,
    article,
    description,
    quantity,
    value_cents: (if .unit_price == null then null
                  else .quantity * .unit_price * 100 | round end),
    counted_at
  }
