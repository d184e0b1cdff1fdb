# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import types
import unittest

from odoo.tests import TransactionCase

from .common import OdooDocTestCase, load_doctests


class TestDoctests(TransactionCase):
    def run_doctests(self, docstring):
        module = types.ModuleType("qj_doctests", docstring)
        load_tests = load_doctests(module)
        suite = load_tests(unittest.TestLoader(), unittest.TestSuite(), None)
        (test,) = list(suite)
        self.assertIsInstance(test, OdooDocTestCase)
        self.assertIn("qj_doctests", str(test))
        result = unittest.TestResult()
        test.run(result)
        return result

    def test_success(self):
        result = self.run_doctests(">>> 1 + 1\n2\n")
        self.assertEqual((result.testsRun, result.wasSuccessful()), (1, True))

    def test_failure(self):
        result = self.run_doctests(">>> 1 + 1\n3\n")
        self.assertEqual((len(result.failures), len(result.errors)), (1, 0))
        self.assertIn("Expected:\n    3", result.failures[0][1])
