"""Builds the wheel ``odoo-addon-queue-job``: the folder ``queue_job``, all of it, as ``odoo/addons/queue_job``.

``odoo`` and ``odoo.addons`` are namespace packages in Odoo 19: the wheel adds to them and has no ``__init__`` of theirs.
"""

import ast
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent
ADDON = "queue_job"
PACKAGE = f"odoo.addons.{ADDON}"

manifest = ast.literal_eval((HERE / ADDON / "__manifest__.py").read_text())
requirements = [
    line
    for line in (HERE / "requirements.txt").read_text().splitlines()
    if line and not line.startswith("#")
]

setup(
    name="odoo-addon-queue-job",
    version=manifest["version"],
    description=manifest.get("summary") or manifest["name"],
    long_description=(HERE / "README.rst").read_text(),
    long_description_content_type="text/x-rst",
    license="LGPL-3.0-only",
    author=manifest["author"],
    python_requires=">=3.10",
    install_requires=requirements,
    package_dir={PACKAGE: ADDON},
    packages=[PACKAGE, *(f"{PACKAGE}.{name}" for name in find_packages(ADDON))],
    # data, views, static files, and folders of Python files that are no packages, such as migrations
    package_data={PACKAGE: ["**/*"]},
    exclude_package_data={"": ["**/__pycache__/*", "__pycache__/*", "*.pyc"]},
    zip_safe=False,
    classifiers=[
        "Framework :: Odoo",
        "Framework :: Odoo :: 19.0",
        "Programming Language :: Python :: 3",
    ],
)
