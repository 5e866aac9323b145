"""A site in Django that citizens log in to.

``python django_app.py migrate``, then ``gunicorn --workers 2 django_app:application``.
"""

import json
import logging
import os
import sys
from pathlib import Path

from ankong_verify import CREATE_TABLE, RefusedError, SqlStore, TrustStore, decode_token, hex_secret
from ankong_verify.blocking import Challenges, LoginVerifier, RevocationLists
from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

ORIGIN = os.environ["SITE_ORIGIN"]  # as browsers write it: https://portal.example
STATE = Path(os.environ["STATE"])  # a folder of this site alone
settings.configure(
    SECRET_KEY=os.environ["SESSION_SECRET"],
    ALLOWED_HOSTS=os.environ["SITE_HOSTS"].split(),
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": STATE / "site.db"}},
    INSTALLED_APPS=["django.contrib.sessions"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    ROOT_URLCONF=__name__,
    SESSION_COOKIE_SECURE=ORIGIN.startswith("https:"),
)
application = get_wsgi_application()

SECRET = hex_secret(os.environ["ACCOUNT_SECRET"])  # 32 octets, the same for ever
log = logging.getLogger("login")  # of no level or handler, so that warnings reach the console
with connection.cursor() as cursor:  # in a project: migrations.RunSQL(CREATE_TABLE)
    cursor.execute(CREATE_TABLE)
connection.close()
trust = TrustStore.load([Path(os.environ["TRUST_ROOTS"])], [Path(os.environ["TRUST_CAS"])])
lists = RevocationLists(os.environ["LIST_URLS"].split(), STATE / "lists", trust=trust)
lists.open()
verifier = LoginVerifier(origins=[ORIGIN], trust=trust, revocation=lists)
challenges = Challenges(SqlStore(lambda: connection, paramstyle="format"))


@csrf_exempt  # a request from another page knows no challenge of this session
@require_POST
def challenge(request: HttpRequest) -> HttpResponse:
    """Give the page something to sign, for this session only."""
    if not request.session.session_key:
        request.session.create()
    issued = challenges.issue(request.session.session_key)
    return JsonResponse({"challenge_id": issued.id, "challenge": issued.challenge})


@csrf_exempt
@require_POST
def log_in(request: HttpRequest) -> HttpResponse:
    """Let whoever holds the card in."""
    try:
        body = dict(json.loads(request.body))
    except (ValueError, TypeError, RecursionError):
        return HttpResponseBadRequest()
    try:
        token = decode_token(body.get("token"))
        name = request.session.session_key or ""
        wanted = challenges.redeem(name, body.get("challenge_id"), token)
        login = verifier.verify(token, challenge=wanted)
    except RefusedError as error:
        log.warning("login refused: %s %s", error.code, error.detail)
        return JsonResponse({"code": error.code}, status=400)
    request.session.flush()  # one that somebody else may have begun does not become a member's
    request.session["account"] = login.holder.account_key(SECRET).hex()  # look the account up
    return JsonResponse({"name": login.holder.name})


def account(request: HttpRequest) -> HttpResponse:
    """Tell who is logged in."""
    if "account" not in request.session:
        return HttpResponse(status=401)
    return JsonResponse({"account": request.session["account"]})


urlpatterns = [
    path("login/challenge", challenge),
    path("login", log_in),
    path("account", account),
]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
