"""Descriptions, arguments and errors of jobs with markup: text in the page, and no element of it."""

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

EVIL = "<img src=x onerror=window.qjOwned=1>\\n<script>window.qjOwned=1</script>\\x1b[2J"
DELAY = f"""
from odoo.addons.queue_job.delay import chain
jobs = env["queue.job"].with_user(env.ref("base.user_admin"))
first = jobs.delayable(description="first {EVIL}")._test_job(failure_rate=1)
second = jobs.delayable(description="second {EVIL}")._test_job(job_duration="{EVIL}")
chain(first, second).delay()
record = first._generated_job.db_record()
record = record.with_context(_job_edit_sentinel=record.EDIT_SENTINEL)
record.write({{"state": "failed", "exc_name": "E", "exc_message": "{EVIL}", "exc_info": "{EVIL}"}})
record.result = "{EVIL}"
env.cr.commit()
print(record.id)
"""


@pytest.fixture
def job(site, shell):
    """The id of a job that failed, with another that waits for it."""
    return int(shell(site.server.config.database, DELAY).splitlines()[-1])


def log_in(browser, url):
    browser.get(f"{url}/odoo")
    browser.find_element(By.ID, "login").send_keys("admin")
    browser.find_element(By.ID, "password").send_keys("admin")
    browser.find_element(By.CSS_SELECTOR, ".oe_login_form button[type=submit]").click()
    browser.find_element(By.CSS_SELECTOR, ".o_navbar_apps_menu button")


def assert_harmless(browser):
    assert browser.execute_script("return window.qjOwned") is None
    assert not browser.execute_script("return document.querySelectorAll('img[onerror]').length")


def text_of(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, selector).get_attribute("textContent")


def test_markup_is_text(browser, site, job, screenshot):
    log_in(browser, site.url)

    browser.get(f"{site.url}/odoo/action-queue_job.action_queue_job")
    assert "<img src=x" in text_of(browser, ".o_data_row")
    assert_harmless(browser)

    browser.get(f"{site.url}/odoo/action-queue_job.action_queue_job/{job}")
    assert "<img src=x" in text_of(browser, ".o_form_view .o_field_widget[name=exc_info]")
    assert "<img src=x" in text_of(browser, ".o-mail-Message-body")
    assert_harmless(browser)
    for tab in browser.find_elements(By.CSS_SELECTOR, ".o_notebook .nav-link"):
        tab.click()
        assert_harmless(browser)
    browser.find_element(By.CSS_SELECTOR, ".o_notebook .nav-link[name=dependencies]").click()
    assert "<img src=x" in text_of(browser, ".o_job_graph_job")
    card = browser.find_element(By.CSS_SELECTOR, ".o_job_graph_job")
    ActionChains(browser).move_to_element(card).perform()
    assert "<img src=x" in text_of(browser, ".o_job_graph_tooltip")
    screenshot("tooltip")
    assert_harmless(browser)
