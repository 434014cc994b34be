"""How the programs of `write_samples` are set up: with the lines that docs/egress-logs.md tells people to add."""

NGINX = r"""
daemon off;
pid @DIR@/pid;
events {}
http {
  client_body_temp_path @DIR@/body; proxy_temp_path @DIR@/proxy; fastcgi_temp_path @DIR@/f; uwsgi_temp_path @DIR@/u; scgi_temp_path @DIR@/s;
  log_format stripe '$remote_addr - - [$time_local] "$request" $status $body_bytes_sent "-" "$http_user_agent" '
                    'rid=$upstream_http_request_id';
  server {
    listen 127.0.0.1:@PORT@;
    access_log @DIR@/a.log stripe;
    access_log @DIR@/b.log combined;
    location / { proxy_pass http://127.0.0.1:@UP@; }
  }
}
"""
HAPROXY = """
global
  log stdout format raw local0
defaults
  mode http
  log global
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend fe
  bind 127.0.0.1:@PORT@
  capture response header Request-Id len 40
  option httplog
  default_backend stripe
backend stripe
  server s1 127.0.0.1:@UP@
"""
SQUID = r"""
http_port 127.0.0.1:@PORT@
http_access allow all
cache deny all
pid_filename none
cache_log /dev/null
cache_effective_user nobody
coredump_dir @DIR@
logformat stripe %ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %{Request-Id}<h
access_log stdio:@DIR@/a.log stripe
access_log stdio:@DIR@/b.log squid
"""
CADDY = """
{
  admin off
}
http://:@PORT@ {
  bind 127.0.0.1
  log {
    output file @DIR@/a.log
    format json
  }
  reverse_proxy 127.0.0.1:@UP@
}
"""
_LOGGERS = {
    "pino": "const log = require('pino')();",
    "winston": "const w = require('winston');\n"
    "const format = w.format.combine(w.format.timestamp(), w.format.json());\n"
    "const log = w.createLogger({format, transports: [new w.transports.Console()]});",
    "bunyan": "const log = require('bunyan').createLogger({name: 'pay'});",
}
_CALLS = r"""
const key = require('fs').readFileSync(0, 'utf8').trim();
const Stripe = require('stripe');
const stripe = new (Stripe.Stripe || Stripe)(key, {
  host: '127.0.0.1', port: Number(process.argv[2]), protocol: 'http', maxNetworkRetries: 0});
stripe.on('response', (e) => log.info(
  SAID{method: e.method, path: e.path, status: e.status, stripe_request_id: e.request_id}));
(async () => {
  await stripe.charges.create({amount: 100, currency: 'usd', source: 'tok_visa'});
  await stripe.customers.list({limit: 3});
  await stripe.charges.retrieve('ch_1MadeUp').catch(() => 0);
  await stripe.refunds.create({charge: 'ch_1MadeUp'}).catch(() => 0);
})();
"""
NODE = {name: maker + _CALLS.replace("SAID", "'stripe', " if name == "winston" else "") for name, maker in _LOGGERS.items()}
"""The guide's line, with each logger: winston takes the text first."""
PYTHON = """
import logging
import sys

import stripe

logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
logging.Formatter.converter = __import__("time").gmtime
client = stripe.StripeClient(sys.stdin.read().strip(), base_addresses={"api": f"http://127.0.0.1:{sys.argv[1]}"}, max_network_retries=0)
client.v1.charges.create({"amount": 100, "currency": "usd", "source": "tok_visa"})
client.v1.customers.list({"limit": 3})
for call in (lambda: client.v1.charges.retrieve("ch_1MadeUp"), lambda: client.v1.refunds.create({"charge": "ch_1MadeUp"})):
    try:
        call()
    except stripe.StripeError:
        pass
"""
