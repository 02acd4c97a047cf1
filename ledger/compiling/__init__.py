"""Compiles what an operation selects of the ledger into one SQL statement for each root field, which returns JSON.

It knows no noun: records say what their fields are (ledger/storage/records.py), relations and lists who sees which rows
(ledger/relations.py, ledger/lists.py), and schema/compiled.py which field of the graph is which of them. What it can't
compile exactly it refuses, and the field is resolved the ordinary way.
Source: design section 8; docs/adr/0142.
"""
