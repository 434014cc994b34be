"""Alerts as the scanners write them, around keys that are made up on the spot."""

import base64
import hashlib
import json
import secrets
from typing import Any

Json = dict[str, Any]


def key(prefix: str = "sk") -> str:
    return f"{prefix}_" + "live_" + secrets.token_hex(24)


def github_api(secret: str | None, number: int = 42) -> Json:
    row: Json = {
        "number": number,
        "created_at": "2026-11-20T18:18:30Z",
        "updated_at": "2026-11-21T18:18:30Z",
        "url": f"https://api.github.com/repos/acme/shop/secret-scanning/alerts/{number}",
        "html_url": f"https://github.com/acme/shop/security/secret-scanning/{number}",
        "locations_url": f"https://api.github.com/repos/acme/shop/secret-scanning/alerts/{number}/locations",
        "state": "open",
        "resolution": None,
        "secret_type": "stripe_live_restricted_key",
        "secret_type_display_name": "Stripe Live API Restricted Key",
        "validity": "active",
        "publicly_leaked": True,
        "first_location_detected": {
            "path": "deploy/.env",
            "start_line": 7,
            "end_line": 7,
            "start_column": 1,
            "commit_sha": "af5626b4a114abcb82d63db7c8082c3c4756e51b",
            "commit_url": "https://api.github.com/repos/acme/shop/git/commits/af5626b4",
        },
        "repository": {"id": 1, "full_name": "acme/shop", "private": False},
    }
    return {**row, "secret": secret} if secret else row


def github_webhook() -> Json:
    return {
        "action": "created",
        "alert": github_api(None),
        "repository": {"full_name": "acme/shop", "private": True},
        "sender": {"login": "x"},
    }


def github_location_webhook() -> Json:
    alert = {k: v for k, v in github_api(None).items() if k not in ("first_location_detected", "repository")}
    details = {"path": "config/prod.yml", "start_line": 3, "commit_sha": "b" * 40}
    return {
        "action": "created",
        "alert": alert,
        "location": {"type": "commit", "details": details},
        "repository": {"full_name": "acme/api"},
    }


def gitguardian_api() -> Json:
    def occurrence(at: str, file: str) -> Json:
        return {
            "id": 4421,
            "incident_id": 3759,
            "kind": "realtime",
            "sha": "d670460b4b4aece5915caf5c68d12f560a9fe3e4",
            "source": {"url": "https://github.com/acme/shop", "type": "github", "full_name": "acme/shop", "visibility": "private"},
            "date": at,
            "url": "https://github.com/acme/shop/commit/d670460",
            "matches": [{"name": "apikey", "indice_start": 32, "indice_end": 79, "pre_line_start": None, "post_line_start": 1}],
            "filepath": file,
        }

    return {
        "id": 3759,
        "date": "2026-11-22T14:15:22Z",
        "detector": {"name": "stripe_keys", "display_name": "Stripe Keys", "nature": "specific", "family": "apikey"},
        "secret_hash": "Ri9FjVgdOlPnBmujoxP4XPJcbe82BhJXB",
        "gitguardian_url": "https://dashboard.gitguardian.com/workspace/1/incidents/3899",
        "status": "TRIGGERED",
        "validity": "valid",
        "occurrences": [occurrence("2026-11-22T14:15:22Z", "later.py"), occurrence("2026-11-21T09:00:00Z", "first.py")],
    }


def gitguardian_webhook() -> Json:
    incident = {k: v for k, v in gitguardian_api().items() if k != "occurrences"}
    return {"source": "GitGuardian", "timestamp": "1", "action": "incident_triggered", "message": "A new incident", "incident": incident}


def trufflehog(secret: str, file: str = "deploy/.env", detector: str = "Stripe", line: int = 4) -> Json:
    return {
        "SourceMetadata": {
            "Data": {
                "Git": {
                    "commit": "fbc14303ffbf8fb1c2c1914e8dda7d0121633aca",
                    "file": file,
                    "email": "a <a@example.com>",
                    "repository": "https://github.com/acme/shop",
                    "timestamp": "2026-11-16 10:17:40 -0700 PDT",
                    "line": line,
                }
            }
        },
        "SourceID": 0,
        "SourceType": 16,
        "SourceName": "trufflehog - git",
        "DetectorName": detector,
        "DecoderName": "PLAIN",
        "Verified": True,
        "Raw": secret,
        "RawV2": "",
        "Redacted": "",
        "ExtraData": {"rotation_guide": "https://howtorotate.com/docs/tutorials/stripe/"},
        "StructuredData": None,
    }


def gitleaks(secret: str, file: str = "deploy/.env", rule: str = "stripe-access-token") -> Json:
    return {
        "RuleID": rule,
        "Description": "Found a Stripe Access Token",
        "StartLine": 12,
        "EndLine": 12,
        "StartColumn": 1,
        "EndColumn": 40,
        "Match": f"KEY={secret}",
        "Secret": secret,
        "File": file,
        "SymlinkFile": "",
        "Commit": "c" * 40,
        "Entropy": 4.2,
        "Author": "a",
        "Email": "a@example.com",
        "Date": "2026-11-18T08:00:00Z",
        "Message": "oops",
        "Tags": [],
        "Fingerprint": f"{'c' * 40}:{file}:{rule}:12",
    }


def kingfisher(secret: str) -> Json:
    return {
        "rule": {"name": "Stripe API Key", "id": "kingfisher.stripe.2"},
        "finding": {
            "snippet": secret,
            "fingerprint": "14085685380484734428",
            "confidence": "medium",
            "entropy": "4.10",
            "validation": {"status": "Active Credential", "response": "{}"},
            "language": "Unknown",
            "line": 9,
            "column_start": 1,
            "column_end": 40,
            "path": "deploy/.env",
            "git_metadata": {
                "repository_url": "https://github.com/acme/shop",
                "commit": {"id": "d" * 40, "url": "https://github.com/acme/shop/commit/d", "date": "2026-11-17T11:00:00Z"},
                "file": {"path": "deploy/.env", "url": "https://github.com/acme/shop/blob/d/deploy/.env#L9"},
            },
        },
    }


def modern_key(prefix: str = "sk", account: str = "1Ab2Cd3Ef4Gh5Ij6") -> str:
    """As long as keys of today, with the account in its beginning."""
    return f"{prefix}_" + "live_" + "5" + account + secrets.token_hex(41)


def betterleaks_2(secret: str | None, of: str = "") -> Json:
    value = secret or "REDACTED"
    mark = hashlib.sha256((of or value).encode()).hexdigest()
    finding = {
        "rule_id": "stripe-access-token",
        "description": "Found a Stripe Access Token",
        "confidence": "high",
        "match": {"full": f"KEY={value}", "value": value, "fingerprint": mark},
        "attributes": {"git.date": "2026-11-20T08:30:00Z", "git.sha": "a" * 40, "resource": "git.patch_content"},
        "location": {"path": "deploy/.env", "start_line": 3, "end_line": 3},
        "tags": [],
    }
    return {"schema_version": "1", "findings": [finding]}


def sarif(secret: str) -> Json:
    region = {"startLine": 12, "startColumn": 1, "endLine": 12, "endColumn": 40, "snippet": {"text": secret}}
    result = {
        "message": {"text": "stripe-access-token has detected secret for file deploy/.env."},
        "ruleId": "stripe-access-token",
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": "deploy/.env"}, "region": region}}],
        "partialFingerprints": {"commitSha": "c" * 40, "email": "a@example.com", "author": "a", "date": "2026-11-18T08:00:00Z"},
        "properties": {"tags": []},
    }
    run = {"tool": {"driver": {"name": "gitleaks", "semanticVersion": "v8.0.0", "rules": []}}, "results": [result]}
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def gitlab(secret: str) -> Json:
    row = {
        "id": "714ed3e4e289ad35a089e0a888e8d0120b6a6083b1090a189cbc6a3227396240",
        "category": "secret_detection",
        "name": "Stripe live secret key",
        "severity": "Critical",
        "raw_source_code_extract": secret,
        "location": {"file": "deploy/.env", "commit": {"date": "2026-11-19T07:00:00Z", "sha": "e" * 40}, "start_line": 5},
        "identifiers": [{"type": "gitleaks_rule_id", "name": "Gitleaks rule ID Stripe", "value": "stripe_live_secret_key"}],
    }
    scan = {"scanner": {"id": "gitleaks", "name": "Gitleaks"}, "type": "secret_detection", "start_time": "2026-11-20T09:13:09"}
    return {"version": "15.0.0", "vulnerabilities": [row], "remediations": [], "scan": scan}


def detect_secrets(secret: str, length: int = 32) -> Json:
    """`length`: the Stripe detector hashes 32 characters, the detector of random strings all."""
    row = {
        "type": "Stripe Access Key",
        "filename": "deploy/.env",
        "hashed_secret": hashlib.sha1(secret[:length].encode(), usedforsecurity=False).hexdigest(),
        "is_verified": False,
        "line_number": 2,
    }
    plugins = [{"name": "StripeDetector"}]
    return {"version": "1.5.0", "plugins_used": plugins, "filters_used": [], "results": {"deploy/.env": [row]}, "generated_at": ""}


def ggshield(secret: str, shown: str = "sk_l" + "*" * 40 + "abcd") -> Json:
    incident = {
        "policy": "Secrets detection",
        "occurrences": [{"match": shown, "type": "apikey", "line_start": 4, "line_end": 4, "index_start": 1, "index_end": 9}],
        "type": "Stripe Keys",
        "validity": "no_checker",
        "ignore_sha": hashlib.sha256(f"{secret},apikey".encode()).hexdigest(),
        "total_occurrences": 1,
        "incident_url": "",
        "known_secret": False,
    }
    entity = {"mode": "NEW", "filename": "deploy/.env", "incidents": [incident], "total_incidents": 1, "total_occurrences": 1}
    scan = {"id": "f" * 40, "type": "commit", "entities_with_incidents": [entity], "total_incidents": 1, "total_occurrences": 1}
    return {"id": "HEAD~1", "type": "commit-range", "scans": [scan], "total_incidents": 1, "total_occurrences": 1}


def trivy(secret: str) -> Json:
    """What is behind the 32 characters that its rule takes stays readable."""
    row = {
        "RuleID": "stripe-secret-token",
        "Category": "Stripe",
        "Severity": "CRITICAL",
        "Title": "Stripe Secret Key",
        "StartLine": 6,
        "EndLine": 6,
        "Code": {"Lines": []},
        "Match": "STRIPE_KEY=" + "*" * 40 + secret[40:],
    }
    target = {"Target": "deploy/.env", "Class": "secret", "Secrets": [row]}
    return {"SchemaVersion": 2, "ArtifactName": "acme/shop", "Results": [{"Target": "go.mod", "Class": "lang-pkgs"}, target]}


def semgrep(secret: str, lines: str = "") -> Json:
    extra: Json = {
        "message": "Stripe API Key detected",
        "severity": "ERROR",
        "metadata": {"category": "security", "technology": ["secrets", "stripe"]},
        "lines": lines or f"STRIPE_KEY={secret}",
        "fingerprint": "requires login",
        "validation_state": "CONFIRMED_VALID",
        "historical_info": {"git_commit": "a" * 40, "git_commit_timestamp": "2026-11-20T08:30:00Z"},
    }
    rule = "generic.secrets.security.detected-stripe-api-key.detected-stripe-api-key"
    row = {"check_id": rule, "path": "deploy/.env", "start": {"line": 3, "col": 1}, "end": {"line": 3, "col": 40}, "extra": extra}
    return {"version": "1.90.0", "errors": [], "paths": {"scanned": ["deploy/.env"]}, "results": [row]}


def noseyparker(secret: str) -> Json:
    held = base64.b64encode(secret.encode()).decode()
    commit = {"commit_id": "a" * 40, "committer_timestamp": "1795163400 +0100", "author_timestamp": "1795163400 +0100"}
    git = {"kind": "git_repo", "repo_path": "./.git", "first_commit": {"commit_metadata": commit, "blob_path": "deploy/.env"}}
    lines = {"start": {"line": 3, "column": 1}, "end": {"line": 3, "column": 40}}
    match = {"provenance": [{"kind": "file", "path": "/src/.env"}, git], "location": {"source_span": lines}, "groups": [held]}
    return {
        "finding_id": "84d871b9",
        "rule_name": "Stripe API Key",
        "rule_text_id": "np.stripe.1",
        "groups": [held],
        "num_matches": 1,
        "statuses": [],
        "matches": [{**match, "snippet": {"before": "KEY=", "matching": secret, "after": ""}}],
    }


def checkov(secret: str, length: int = 32) -> Json:
    """Its hash is of the 32 characters that its rule takes."""
    row = {
        "check_id": "CKV_SECRET_17",
        "check_name": "Stripe Access Key",
        "check_result": {"result": "FAILED"},
        "code_block": [[3, f"KEY={secret[:6]}**********"]],
        "file_path": "/deploy/.env",
        "repo_file_path": "/deploy/.env",
        "file_line_range": [3, 4],
        "resource": hashlib.sha1(secret[:length].encode(), usedforsecurity=False).hexdigest(),
        "added_commit_hash": "a" * 40,
        "added_date": "2026-11-20 08:30:00+00:00",
    }
    results = {"passed_checks": [], "failed_checks": [row], "skipped_checks": [], "parsing_errors": []}
    return {"check_type": "secrets", "results": results, "summary": {"failed": 1}}


def hmsl_hash(secret: str) -> str:
    pepper = hashlib.sha256(b"GitGuardian").digest()
    return hashlib.scrypt(secret.encode(), salt=pepper, n=2048, r=8, p=1, dklen=32).hex()


def hmsl_check(secret: str) -> Json:
    return {"leaks_count": 1, "leaks": [{"name": "STRIPE_KEY", "hash": hmsl_hash(secret), "count": 3, "url": "https://github.com/a/b"}]}


def lines(*rows: Json) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
