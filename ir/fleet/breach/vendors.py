"""Whose secret it is by the shape of its *name* alone, and where it is replaced. A guess, and said as one; values are never looked at."""

import re
from dataclasses import dataclass

_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


@dataclass(frozen=True)
class Vendor:
    """One row of the table.

    Attributes:
        words: a name fits that has all words of any of these groups, in this order, next to each other.
        link: where its owner replaces it; "" = it is ours alone.
        todo: how.
    """

    name: str
    words: tuple[str, ...]
    link: str
    todo: str


_ROLL = "make a new one, deploy it, revoke the old one"

VENDORS = (
    Vendor(
        "AWS", ("aws", "amazon"), "https://console.aws.amazon.com/iam/home#/users", "make a second access key, deploy it, delete the old"
    ),
    Vendor("Google Cloud", ("google", "gcp", "gcloud", "firebase"), "https://console.cloud.google.com/iam-admin/serviceaccounts", _ROLL),
    Vendor("Azure", ("azure", "arm client"), "https://portal.azure.com/#view/Microsoft_AAD_RegisteredApps", _ROLL),
    Vendor("GitHub", ("github", "gh token", "gh pat", "ghcr"), "https://github.com/settings/tokens", _ROLL),
    Vendor("GitLab", ("gitlab",), "https://gitlab.com/-/user_settings/personal_access_tokens", _ROLL),
    Vendor("Vercel", ("vercel",), "https://vercel.com/account/settings/tokens", _ROLL),
    Vendor("Netlify", ("netlify",), "https://app.netlify.com/user/applications#personal-access-tokens", _ROLL),
    Vendor("Cloudflare", ("cloudflare", "cf api"), "https://dash.cloudflare.com/profile/api-tokens", "roll the token, deploy the new one"),
    Vendor("Supabase", ("supabase",), "https://supabase.com/dashboard/project/_/settings/api-keys", _ROLL),
    Vendor("npm", ("npm", "node auth"), "https://www.npmjs.com/settings/~/tokens", _ROLL),
    Vendor("Docker Hub", ("docker", "dockerhub"), "https://app.docker.com/settings/personal-access-tokens", _ROLL),
    Vendor("PayPal", ("paypal", "braintree"), "https://developer.paypal.com/dashboard/applications", _ROLL),
    Vendor("Shopify", ("shopify",), "https://dev.shopify.com/dashboard", _ROLL),
    Vendor("Slack", ("slack",), "https://api.slack.com/apps", "reinstall the app or rotate its tokens; make a new webhook address"),
    Vendor("Discord", ("discord",), "https://discord.com/developers/applications", "reset the bot's token; make a new webhook address"),
    Vendor("Twilio", ("twilio",), "https://console.twilio.com/us1/account/keys-credentials/api-keys", _ROLL),
    Vendor("SendGrid", ("sendgrid",), "https://app.sendgrid.com/settings/api_keys", _ROLL),
    Vendor("Mailgun", ("mailgun",), "https://app.mailgun.com/settings/api_security", _ROLL),
    Vendor("Resend", ("resend",), "https://resend.com/api-keys", _ROLL),
    Vendor("Postmark", ("postmark",), "https://account.postmarkapp.com/servers", _ROLL),
    Vendor("OpenAI", ("openai",), "https://platform.openai.com/api-keys", _ROLL),
    Vendor("Anthropic", ("anthropic", "claude api"), "https://console.anthropic.com/settings/keys", _ROLL),
    Vendor("Sentry", ("sentry auth", "sentry token"), "https://sentry.io/settings/account/api/auth-tokens/", _ROLL),
    Vendor("Datadog", ("datadog", "dd api", "dd app"), "https://app.datadoghq.com/organization-settings/api-keys", _ROLL),
    Vendor("Auth0", ("auth0", "auth 0"), "https://manage.auth0.com/", "rotate the application's client secret"),
    Vendor("Clerk", ("clerk secret",), "https://dashboard.clerk.com/last-active?path=api-keys", _ROLL),
    Vendor("Algolia", ("algolia admin", "algolia api"), "https://dashboard.algolia.com/account/api-keys/all", _ROLL),
    Vendor(
        "a database",
        (
            *("database", "db url", "db pass", "db password", "postgres", "postgresql", "pg password", "pgpassword", "mysql", "mariadb"),
            *("mongo", "mongodb", "redis", "upstash", "neon", "planetscale", "sql password", "kv rest"),
        ),
        "",
        "change the user's password where the database runs, deploy it, end sessions that are open",
    ),
    Vendor("mail", ("smtp", "mail password", "email password"), "", "change the password of that mail account"),
    Vendor(
        "our own sign-in",
        ("jwt", "nextauth", "auth secret", "session secret", "cookie secret", "secret key base", "app key"),
        "",
        "make a new one; everybody has to sign in again",
    ),
    Vendor(
        "our own encryption",
        ("encryption", "encrypt", "cipher", "master key"),
        "",
        "encrypt again with a new key before the old one goes: without it, what it encrypted cannot be read",
    ),
    Vendor(
        "a private key",
        ("private key", "ssh key", "ssh", "pem", "deploy key"),
        "",
        "make a new pair, replace the public half, remove the old",
    ),
)
_STRIPE = ("stripe", "whsec", "sk live", "rk live", "sk test", "rk test")
_SEEN = ("publishable", "next public", "vite", "react app", "nuxt public", "expo public")
_PLAIN = ("node env", "port", "log level", "timezone", "tz", "region", "ci", "debug", "lang", "hostname")
_SECRET = ("key", "token", "secret", "password", "passwd", "pass", "pwd", "credential", "credentials", "apikey", "dsn", "auth", "webhook")


def words_of(name: str) -> str:
    """`stripeSecretKey` and `STRIPE_SECRET_KEY` are both ` stripe secret key `."""
    return f" {' '.join(part.lower() for part in _PARTS.findall(name[:500]))} "


def vendor_of(name: str) -> Vendor | None:
    """Whose it looks like; None: it cannot be told."""
    words = words_of(name)
    return next((row for row in VENDORS if _has(words, row.words)), None)


def stripes(name: str) -> bool:
    """Whether it looks like something of Stripe's."""
    return _has(words_of(name), _STRIPE)


def harmless(name: str) -> bool:
    """Whether it is made to be seen, or no secret, by its name."""
    words = words_of(name)
    return _has(words, _SEEN) or (_has(words, _PLAIN) and not _has(words, _SECRET))


def _has(words: str, groups: tuple[str, ...]) -> bool:
    return any(f" {group} " in words for group in groups)
