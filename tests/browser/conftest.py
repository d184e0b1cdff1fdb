"""A browser before a real prefork server behind nginx."""

import os
from pathlib import Path

import pytest
from selenium import webdriver

from stack.fixtures import *  # noqa: F403
from stack.nginx import Nginx
from stack.places import REPOSITORY
from stack.ports import free_ports

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # as root, the sandbox can't be had
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,900",
)
RESULTS = REPOSITORY / ".results" / "screenshots"
CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"


@pytest.fixture(scope="module")
def site(fresh_databases, start_server, tmp_path_factory):
    """The :class:`Nginx` before a prefork server whose runner drives a fresh database."""
    server = start_server(fresh_databases(), options={"proxy_mode": True})
    with Nginx(server, free_ports(1)[0], tmp_path_factory.mktemp("nginx")) as nginx:
        yield nginx


@pytest.fixture
def browser(tmp_path, request):
    """A Chromium that nobody has used before, driven by selenium. What it shows in the end is saved."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (*ARGUMENTS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(DRIVER, log_output=str(tmp_path / "chromedriver.log"))
    driver = webdriver.Chrome(options=options, service=service)
    driver.implicitly_wait(20)
    yield driver
    save_screenshot(driver, f"{request.node.name}-end")
    driver.quit()


@pytest.fixture
def screenshot(browser, request):
    """A function that saves what the browser shows."""

    def save(name):
        save_screenshot(browser, f"{request.node.name}-{name}")

    return save


def save_screenshot(driver, name):
    directory = Path(os.environ.get("QUEUE_JOB_SCREENSHOTS") or RESULTS)
    directory.mkdir(parents=True, exist_ok=True)
    driver.save_screenshot(str(directory / f"{name}.png"))
