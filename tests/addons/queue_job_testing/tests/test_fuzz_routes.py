# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The routes, asked for anything: they do it, or say what is wrong with which parameter."""

from urllib.parse import quote, urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.tests import HttpCase
from odoo.tools import mute_logger

NUMBERS = st.sampled_from(
    [
        *("nan", "inf", "-inf", "1e400", "-1", "0", "1", "0.5", "2147483647", "2147483648", " 7 "),
        *("9" * 5000, "1_0", "0x1", "\u0663", "1e-400", "x", "True", "", "\x00", "1\n"),
    ]
)
TEXT = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.sampled_from(["\x00", "a\nb", "\x1b[31mred", "<script>alert(1)</script>", "%s", "{0}", "'"]),
)
PARAMETERS = {
    **dict.fromkeys(
        ("priority", "max_retries", "failure_rate", "job_duration", "failure_retry_seconds"),
        st.one_of(NUMBERS, TEXT),
    ),
    "size": st.sampled_from(["1", "3", "0", "-1", "1001", "nan", "9" * 5000, "x", "\x00"]),
    "channel": TEXT,
    "description": TEXT,
    "commit_within_job": TEXT,
    "other": TEXT,
}
fuzzed = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


class TestFuzzRoutes(HttpCase):
    def ask(self, path, parameters):
        with mute_logger("odoo.http", "odoo.addons.queue_job.controllers.main"):
            response = self.url_open(f"{path}?{urlencode(parameters)}", allow_redirects=False)
        self.env.invalidate_all()
        return response

    def assert_bad(self, response, name):
        self.assertEqual(response.status_code, 400, response.text)
        self.assertIn(f"{name}: ", response.text)
        self.assertNotIn("<script", response.text)

    def count(self):
        return self.env["queue.job"].search_count([])

    def test_create_test_job(self):
        self.authenticate("admin", "admin")
        answers = set()

        @fuzzed
        @given(st.fixed_dictionaries({}, optional=PARAMETERS))
        def run(parameters):
            before = self.count()
            response = self.ask("/queue_job/create_test_job", parameters)
            answers.add(response.status_code)
            if response.status_code == 200:
                self.assertGreater(self.count(), before)
            else:
                self.assertEqual(response.status_code, 400, response.text)
                self.assertTrue(any(f"{name}: " in response.text for name in parameters))
                self.assertEqual(self.count(), before)

        run()
        self.assertEqual(answers, {200, 400})

    def test_what_is_wrong(self):
        self.authenticate("admin", "admin")
        for name, values in {
            "priority": ("nan", "1.5", "2147483648", "-2147483649", "<script>", "9" * 5000),
            "max_retries": ("-1", "99999999999", "\x00"),
            "failure_rate": ("nan", "inf", "-0.1", "1.1", "1e400"),
            "job_duration": ("inf", "-1", "1e99"),
            "failure_retry_seconds": ("1e3", "99999999999999999999"),
            "size": ("0", "1001", "-1"),
            "description": ("a\x00b", "a\nb", "\x1b[31m"),
            "channel": ("root.\x00", "a\rb"),
        }.items():
            for value in values:
                with self.subTest(name=name, value=value):
                    self.assert_bad(self.ask("/queue_job/create_test_job", {name: value}), name)

    def test_runjob(self):
        """Nothing runs, whatever is asked for; what is no line of text is refused."""
        partners = self.env["res.partner"]
        jobs = [partners.with_delay().search_count([]) for _number in range(2)]
        jobs[0].set_enqueued()
        jobs[0].lease = "0123456789abcdef"
        jobs[0].store()
        self.env.flush_all()
        ids = ",".join(str(job.db_record().id) for job in jobs)
        parameters = {
            "job_uuid": st.one_of(TEXT, st.just(jobs[0].uuid), st.just(jobs[1].uuid)),
            "grant": TEXT,
            "hints": st.one_of(TEXT, NUMBERS, st.just(ids)),
        }

        @fuzzed
        @given(st.fixed_dictionaries({}, optional=parameters))
        def run(asked):
            response = self.ask("/queue_job/runjob", {**asked, "db": self.env.cr.dbname})
            # the empty text is none
            texts = [asked.get("job_uuid") or "\x00", asked.get("grant") or "x"]
            if all(text.isprintable() for text in texts):
                self.assertEqual((response.status_code, response.text), (200, ""))
            else:
                self.assertEqual(response.status_code, 400)
                self.assertRegex(response.text, "(job_uuid|grant): a line of text is expected")
            states = [job.db_record().state for job in jobs]
            self.assertEqual(states, ["enqueued", "pending"])

        run()

    def test_bytes_that_are_no_text(self):
        path = f"/queue_job/runjob?db={quote(self.env.cr.dbname)}"
        with mute_logger("odoo.http", "odoo.addons.queue_job.controllers.main"):
            self.assertEqual(self.url_open(f"{path}&job_uuid=%ff%fe").status_code, 200)
            # a form in the place of the query would need the token of a session
            self.assertEqual(self.url_open(path, data={"job_uuid": "x"}).status_code, 400)
