"""Somebody logs in and looks at their jobs."""

import pytest
from selenium.webdriver.common.by import By

DELAY = """
jobs = env["queue.job"].with_user(env.ref("base.user_admin"))
jobs.with_delay(description="this one ends well")._test_job()
jobs.with_delay(description="this one fails")._test_job(failure_rate=1)
env.cr.commit()
"""


@pytest.fixture
def jobs(site, shell):
    """One job that is done and one that failed."""
    shell(site.server.config.database, DELAY)
    site.server.wait_for_log("JobError: This test job fails")


def element(browser, text, name):
    """Return the first element of class ``name`` that shows ``text``."""
    of_class = f'contains(concat(" ", @class, " "), " {name} ")'
    return browser.find_element(By.XPATH, f"//*[{of_class}][contains(., '{text}')]")


def log_in(browser, url):
    browser.get(f"{url}/odoo")
    browser.find_element(By.ID, "login").send_keys("admin")
    browser.find_element(By.ID, "password").send_keys("admin")
    browser.find_element(By.CSS_SELECTOR, ".oe_login_form button[type=submit]").click()


def test_jobs_in_the_menu(browser, site, jobs, screenshot):
    log_in(browser, site.url)

    browser.find_element(By.CSS_SELECTOR, ".o_navbar_apps_menu button").click()
    element(browser, "Job Queue", "o_app").click()
    assert "Failed" in element(browser, "this one fails", "o_data_row").text
    screenshot("open")

    # what has ended well is filtered out at first
    browser.find_element(By.CSS_SELECTOR, ".o_searchview .o_facet_remove").click()
    row = element(browser, "this one ends well", "o_data_row")
    assert "Done" in row.text
    screenshot("all")

    row.find_element(By.CSS_SELECTOR, ".o_data_cell").click()
    assert browser.find_elements(By.CSS_SELECTOR, ".o_form_view .o_statusbar_status")
    assert element(browser, "this one ends well", "o_form_view")
    screenshot("form")
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not errors
