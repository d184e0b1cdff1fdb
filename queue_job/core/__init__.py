# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The pure part of the addon: values and rules, without Odoo, clock or database.

Modules here import the standard library, each other and ``..exception`` only
(``tests/unit/test_layering.py`` fails otherwise). The current time and random
numbers are arguments.
"""
