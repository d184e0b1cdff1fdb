"""Somebody logs in and looks at their jobs."""

from selenium.webdriver.common.by import By

DELAY = """
user = env.ref("base.user_admin")
env["queue.job"].with_user(user).with_delay(description="seen in the browser")._test_job()
env.cr.commit()
"""


def element(browser, text, css):
    """Return the first element that matches ``css`` and shows ``text``."""
    classes = "".join(
        f'[contains(concat(" ", @class, " "), " {name} ")]' for name in css.split(".")
    )
    return browser.find_element(By.XPATH, f"//*{classes}[contains(., '{text}')]")


def log_in(browser, url):
    browser.get(f"{url}/odoo")
    browser.find_element(By.ID, "login").send_keys("admin")
    browser.find_element(By.ID, "password").send_keys("admin")
    browser.find_element(By.CSS_SELECTOR, ".oe_login_form button[type=submit]").click()


def test_a_job_in_the_menu(browser, site, shell, screenshot):
    shell(site.server.config.database, DELAY)
    log_in(browser, site.url)

    browser.find_element(By.CSS_SELECTOR, ".o_navbar_apps_menu button").click()
    element(browser, "Job Queue", "o_app").click()
    row = element(browser, "seen in the browser", "o_data_row")
    screenshot("list")

    row.find_element(By.CSS_SELECTOR, ".o_data_cell").click()
    assert browser.find_elements(By.CSS_SELECTOR, ".o_form_view .o_statusbar_status")
    assert element(browser, "seen in the browser", "o_form_view")
    screenshot("form")
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not errors
