"""Documents of which the tests know how they are read."""

from typing import Final

INVOICE: Final = """# Invoice
Invoice INV-2041 of 2026-02-01. Bill to ACME, mail billing@acme.example.

# Amounts
Subtotal $90.00, tax $10.00, total and amount due $100.00. Payment terms: 30 days.
"""
"""An invoice without a doubt (1.0); two sections."""

CONTRACT: Final = """# Parties
This agreement is made on 2026-01-15 between Northwind Ltd and Pelican Inc.

# Terms
The parties hereby agree. Each clause stands. A refund of the total is excluded.
"""
"""A contract, most likely (0.75)."""

VAGUE: Final = """# Notes
Some skills and a total. Please call +49 30 1234567 or write to jo@example.com.
"""
"""Perhaps a resume (0.17)."""

MIXED: Final = """# Complaint
I am dissatisfied with the agreement and the clause on termination.
"""
"""A complaint or a contract (about 0.5)."""

NOTHING: Final = "Lorem ipsum dolor sit amet."
"""Of no known type."""

SCRATCHED: Final = INVOICE + "\n# Page 3\n" + "\ufffd" * 20 + "\n"
"""An invoice whose third section a scanner could not read."""
