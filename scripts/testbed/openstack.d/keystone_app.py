"""Keystone for gunicorn. It would take the server's own arguments for its, so it is given none."""
import sys

sys.argv = ['keystone']

from keystone.server.wsgi import initialize_public_application  # noqa: E402

application = initialize_public_application()
