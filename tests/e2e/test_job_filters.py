"""GET /jobs with filters and pages."""

import pytest

import shapes


@pytest.fixture
def jobs(stack):
    """Twelve, the newest first; every third is paused, two names, some external ids."""
    api = stack.account("pro")
    made = []
    for number in range(12):
        fields = {"name": "even & more" if number % 2 == 0 else "odd"}
        if number < 5:
            fields["external_id"] = f"job/{number}"
        job = api.create_job(**fields)
        if number % 3 == 0:
            job = api.patch(f"/jobs/{job['id']}", json={"enabled": False}).json()
        made.insert(0, job)
    yield api, made
    api.close()


def listed(api, **query) -> list[int]:
    answer = api.get("/jobs", params=query)
    assert answer.status_code == 200, answer.text
    for job in answer.json():
        shapes.check_job(job)
    return [job["id"] for job in answer.json()]


def test_filters(jobs):
    api, made = jobs

    def those(condition) -> list[int]:
        return [job["id"] for job in made if condition(job)]
    assert listed(api) == those(lambda job: True)
    assert listed(api, enabled="true") == those(lambda job: job["enabled"])
    assert listed(api, enabled="false") == those(lambda job: not job["enabled"])
    assert listed(api, name="even & more") == those(lambda job: job["name"] == "even & more")
    assert listed(api, name="even") == listed(api, name="") == listed(api, name="ODD") == []
    assert listed(api, external_id="job/3") == those(lambda job: job["external_id"] == "job/3")
    assert listed(api, external_id="job/9") == []
    assert listed(api, name="odd", enabled="false") == those(lambda job: job["name"] == "odd" and not job["enabled"])


def test_pages(jobs):
    api, made = jobs
    everything = [job["id"] for job in made]
    assert sum((listed(api, limit=5, offset=offset) for offset in (0, 5, 10, 15)), []) == everything
    assert listed(api, limit=500) == listed(api, offset=0) == everything
    assert listed(api, offset=11) == everything[11:]
    assert listed(api, enabled="true", limit=1, offset=1) == [job["id"] for job in made if job["enabled"]][1:2]


@pytest.mark.parametrize("query", [
    {"limit": 0}, {"limit": 501}, {"limit": -1}, {"limit": "ten"}, {"limit": ""}, {"limit": "1e2"}, {"offset": -1},
    {"offset": 10 ** 30}, {"enabled": "1"}, {"enabled": "TRUE"}, {"enabled": ""}], ids=str)
def test_wrong_parameters(api, query):
    shapes.check_error(api.get("/jobs", params=query), 400, *query)


def test_a_broken_escape(api):
    shapes.check_error(api.get("/jobs?external_id=%00"), 400, "external_id")
    shapes.check_error(api.get("/jobs?name=%ff"), 400, "name", "UTF-8")


def test_nobody_elses(stack, jobs):
    other = stack.account()
    assert listed(other, external_id="job/3") == [] and listed(other, name="odd") == []
    other.close()
