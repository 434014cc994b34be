#!/usr/bin/env bash
# rfc3161-client reads a time stamp without the fraction of its second.
#
# Packages: rfc3161-client 1.0.9, rfc3161ng 2.1.3 (PyPI); the time stamp is made by the openssl at hand (3.0.19 when this was written).
# Expected: RFC 3161 lets genTime carry a fraction where the authority's clock is finer than a second, and says how it is written;
#   `openssl ts` prints it and rfc3161ng answers it.
# Seen: rfc3161-client's `gen_time` is that time cut down to the whole second, with microsecond 0 and no word of it; the reader
#   cannot tell it from a stamp of an authority that has whole seconds only.
# Why it matters: a time stamp is the proof of what existed when. Cut, it stands up to a second *before* the record it covers, so
#   "stamped before it was written" is found where nothing is wrong, and two stamps within a second lose their order.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check rfc3161-client==1.0.9 rfc3161ng==2.1.3

cat >authority.cnf <<'CNF'
[req]
distinguished_name = name
prompt = no
x509_extensions = extensions
[name]
CN = time stamping authority of a test
[extensions]
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = authority
[authority]
serial = ./serial
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
clock_precision_digits = 6
CNF
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out certificate.pem -days 1 -config authority.cnf 2>/dev/null
echo 01 >serial
echo "head of an audit chain" >record
openssl ts -query -data record -sha256 -cert -out query.tsq 2>/dev/null
fraction=
while [ -z "$fraction" ]; do
  openssl ts -reply -config authority.cnf -section authority -queryfile query.tsq -signer certificate.pem -inkey key.pem \
    -out answer.tsr 2>/dev/null
  fraction=$(openssl ts -reply -in answer.tsr -text 2>/dev/null | sed -n 's/^Time stamp:.*:[0-9][0-9]\.\([0-9]*\) .*/\1/p')
done
openssl ts -reply -in answer.tsr -token_out -out token.der 2>/dev/null

cat >read.py <<'PY'
import sys
from pathlib import Path

import rfc3161_client
import rfc3161ng

written = int(sys.argv[1].ljust(6, "0"))
cut = rfc3161_client.decode_timestamp_response(Path("answer.tsr").read_bytes()).tst_info.gen_time
whole = rfc3161ng.get_timestamp(Path("token.der").read_bytes(), naive=False)
print("openssl's fraction: ", written, "microseconds")
print("rfc3161ng:          ", whole)
print("rfc3161-client:     ", cut)
assert abs(whole.microsecond - written) <= 1, "changed"
assert cut == whole.replace(microsecond=0), "changed"
PY
venv/bin/python read.py "$fraction"

echo "seen: openssl and rfc3161ng read the fraction of the second, rfc3161-client 1.0.9 answers the second without it"
