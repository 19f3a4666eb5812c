"""What all tests share: hypothesis without deadlines (machines are shared), and the switch for golden files."""

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden`, for tests/golden."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew, remove orphans")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written instead of compared."""
    return bool(request.config.getoption("--update-golden"))
