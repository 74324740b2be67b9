"""The application on Ray Serve: `serve run` of `deploy/ray/serve.yaml`, as docs/deploy.md says.

A replica is the whole application as it is, on a machine of the cluster; Ray's proxies spread
requests over them, replace those that end and take out those that are to. How many and how large
they are is serve.yaml's. Knows nothing about what the application answers.
"""

from ray import serve

from app.main import Unrolled, create_app


class Replica:
    """One application with the settings and models of the machine it is on."""

    def __init__(self) -> None:
        self._application = create_app()

    def __serve_build_asgi_app__(self) -> Unrolled:
        return self._application

    def check_health(self) -> None:
        """As `/readyz`: Ray replaces a replica for which this raises, whatever it raises."""
        self._application.state.service.check_ready()


app = serve.deployment(serve.ingress()(Replica), name="unrolled").bind()
