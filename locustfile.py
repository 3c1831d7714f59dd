"""Users who think: they sign up, then list, search, create, change and complete tasks, with two seconds between.

pip install locust==2.47.0, then start the service and: locust --headless -u 1000 -r 50 -t 2m --host http://localhost:8000
"""

import random
import uuid

from locust import HttpUser, between, task

PASSWORD = "correct horse"


class Person(HttpUser):
    """One person with an account and a list of tasks."""

    wait_time = between(1, 3)

    def on_start(self) -> None:
        """Sign up once, and sign in as a returning user would."""
        email = f"{uuid.uuid4()}@example.com"
        self.client.post("/api/v1/auth/signup", json={"email": email, "password": PASSWORD})
        signed_in = self.client.post("/api/v1/auth/signin", json={"email": email, "password": PASSWORD})
        self.client.headers["Authorization"] = f"Bearer {signed_in.json()['access_token']}"
        self.tasks_made = [self.create()]

    @task(50)
    def look(self) -> None:
        """The page that every frontend opens with."""
        self.client.get("/api/v1/tasks")

    @task(10)
    def search(self) -> None:
        """A word that every task has."""
        self.client.get("/api/v1/tasks?q=plants&status=pending", name="/api/v1/tasks?q=")

    @task(15)
    def open_one(self) -> None:
        """One of the last tasks."""
        self.client.get(f"/api/v1/tasks/{random.choice(self.tasks_made)}", name="/api/v1/tasks/{task_id}")

    @task(15)
    def add(self) -> None:
        """Some of them recur."""
        self.tasks_made = [*self.tasks_made[-20:], self.create()]

    @task(10)
    def complete(self) -> None:
        """Completing one that recurs makes the next."""
        self.client.post(f"/api/v1/tasks/{random.choice(self.tasks_made)}/toggle", name="/api/v1/tasks/{task_id}/toggle")

    def create(self) -> str:
        """The id of a new task."""
        body = {"title": "Water the plants", "tags": ["home"], "recurrence_rule": random.choice([None, None, "FREQ=DAILY"])}
        return str(self.client.post("/api/v1/tasks", json=body).json()["id"])
