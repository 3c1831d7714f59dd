"""Users who think: they sign up, then list, search, open, create and complete tasks.

pip install locust==2.47.0, start the service, then:
locust --headless -u 200 -r 4 -t 150s --reset-stats --host http://localhost:8000
Two seconds pass between. A password takes a fifth of a second of one core, so four users come in
a second; the figures begin when all are there.
"""

import random
import uuid

from locust import FastHttpUser, between, task

PASSWORD = "correct horse"
TASKS = "/api/v1/tasks"


class Person(FastHttpUser):
    """One person with an account and a list of tasks."""

    wait_time = between(1, 3)

    def on_start(self) -> None:
        """Sign up and make a first task."""
        self.account = {"email": f"{uuid.uuid4()}@example.com", "password": PASSWORD}
        self.sign("up")
        self.tasks_made = [self.create()]

    @task(500)
    def look(self) -> None:
        """The page that every frontend opens with."""
        self.client.get(TASKS, headers=self.bearer)

    @task(100)
    def search(self) -> None:
        """A word that every task has."""
        self.client.get(f"{TASKS}?q=plants&status=pending", headers=self.bearer, name=f"{TASKS}?q=")

    @task(150)
    def open_one(self) -> None:
        """One of the last tasks."""
        self.client.get(
            f"{TASKS}/{random.choice(self.tasks_made)}",
            headers=self.bearer,
            name=f"{TASKS}/{{task_id}}",
        )

    @task(150)
    def add(self) -> None:
        """Some of them recur."""
        self.tasks_made = [*self.tasks_made[-20:], self.create()]

    @task(99)
    def complete(self) -> None:
        """Completing one that recurs makes the next."""
        self.client.post(
            f"{TASKS}/{random.choice(self.tasks_made)}/toggle",
            headers=self.bearer,
            name=f"{TASKS}/{{task_id}}/toggle",
        )

    @task(1)
    def return_another_day(self) -> None:
        """With the same e-mail and password."""
        self.sign("in")

    def sign(self, direction: str) -> None:
        """Sign up or in, and keep the token."""
        answer = self.client.post(f"/api/v1/auth/sign{direction}", json=self.account)
        self.bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def create(self) -> str:
        """The id of a new task."""
        body = {
            "title": "Water the plants",
            "tags": ["home"],
            "recurrence_rule": random.choice([None, None, "FREQ=DAILY"]),
        }
        return str(self.client.post(TASKS, headers=self.bearer, json=body).json()["id"])
