"""Texts that several tests of loading share."""

PAGE = """---
link: https://example.org/refunds
---
# Refunds

What comes before the first part.

## Refund a payment
Choose **Refund**.

### In the app
Tap and hold.

## Empty

## Studio credit ##
Credit does not expire.

```
# no heading, but code
```
"""
WHERE_MORE = "where the header has 2; put quotes around text that contains separators"
"""Why a line of a table with two columns is refused."""
