"""Which places may be called: URLs, hosts, addresses. Nothing here opens a socket."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ir.clients.http_resolver import check_address, family, look_up, redirected
from ir.clients.way_out import Proxy, proxy_for
from ir.core.errors import Rejected
from ir.core.urls import NotAsked, ParsedUrl, all_loopback, in_the_clear, parse
from tests.sizes import examples


def test_a_url_is_read() -> None:
    assert parse("https://Checkout.Internal./healthz?deep=1#x") == ParsedUrl("https", "checkout.internal", 443, "/healthz?deep=1")
    assert parse("http://[::1]:8080") == ParsedUrl("http", "::1", 8080, "/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "checkout.internal/healthz",
        "ftp://checkout.internal/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user@checkout.internal/",
        "https://user:word@checkout.internal/",
        "https://@checkout.internal/",
        "https://checkout.internal:99999/",
        "https://checkout.internal:x/",
        "https://[::1/",
        "https://checkout.internal/a b",
        "https://checkout.internal/a\r\nX-Injected: yes",
        "https://chéckout.internal/",
    ],
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        parse(url)


@given(st.text())
@settings(max_examples=examples(100), deadline=None)
def test_any_text_is_a_place_or_a_clear_no(text: str) -> None:
    for url in (text, f"http://{text}", f"https://{text}/"):
        try:
            place = parse(url)
        except ValueError as error:
            assert "URL" in str(error)  # noqa: PT017  # either way is right; this is about the words
        else:
            assert place.host
            assert parse(f"{place}{place.target}") == place


def test_a_place_is_shown_without_path_and_query() -> None:
    assert str(parse("https://checkout.internal/a?token=b")) == "https://checkout.internal"
    assert str(parse("http://checkout.internal:8080/a")) == "http://checkout.internal:8080"
    assert str(parse("http://[::1]:80/")) == "http://[::1]"


@pytest.mark.parametrize(
    ("start", "location", "end"),
    [
        ("http://a.internal/x", "https://a.internal/x", "https://a.internal/x"),
        ("https://a.internal/x/y", "../z?q=1#f", "https://a.internal/z?q=1"),
        ("https://a.internal:8443/", "https://A.INTERNAL:8443/b", "https://a.internal:8443/b"),
        ("https://a.internal/", "https://b.internal/", ""),
        ("http://a.internal/", "https://b.internal/", ""),
        ("https://a.internal/", "//b.internal/", ""),
        ("https://a.internal/", "https://a.internal.evil.example/", ""),
        ("https://a.internal/", "https://a.internal@evil.example/", ""),
        ("https://a.internal/", "http://a.internal/", ""),
        ("https://a.internal/", "https://a.internal:8443/", ""),
        ("http://a.internal:8080/", "https://a.internal:8443/", ""),
        ("https://a.internal/", "javascript:alert(1)", ""),
        ("https://a.internal/", "https://[", ""),
    ],
)
def test_a_redirect_stays_on_its_host(start: str, location: str, end: str) -> None:
    if end:
        assert redirected(parse(start), location) == parse(end)
    else:
        with pytest.raises(Rejected, match="redirect"):
            redirected(parse(start), location)


DANGEROUS = [
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "::ffff:169.254.169.254",
    "2002:a9fe:a9fe::1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1:a9fe:a9:fe00::",
    "64:ff9b:1:a9:fe:a9fe::",
    "64:ff9b:1::a9:fea9:fe00:0",
    "64:ff9b:1::a9fe:a9fe",
    "::169.254.169.254",
    "::ffff:100.100.100.200",
    "2001:0:a9fe:a9fe:8000:63bf:3fff:fdd2",
    "2001:0:4136:e378:8000:63bf:5601:5601",
    "::ffff:0.0.0.0",
    "64:ff9b::e000:1",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "ff02::1",
    "::",
]


@pytest.mark.parametrize("address", DANGEROUS)
def test_dangerous_addresses_are_refused_unless_spelt_out(address: str) -> None:
    with pytest.raises(NotAsked, match="link-local or metadata"):
        check_address("service.internal", address, {"service.internal"})
    check_address("service.internal", address, {"service.internal", address.partition("%")[0]})
    check_address(address, address, {address})


def test_a_metadata_name_counts_as_spelt_out() -> None:
    check_address("metadata.google.internal", "169.254.169.254", {"metadata.google.internal"})


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "fd12::1", "203.0.113.7", "2001:db8::1"),
        *("64:ff9b::203.0.113.7", "64:ff9b:1::203.0.113.7", "64:ff9b:1:cb00:71:700::", "2002:cb00:7107::1"),
        *("::ffff:10.1.2.3", "::10.1.2.3", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
    ],
)
def test_ordinary_addresses_pass(address: str) -> None:
    check_address("service.internal", address, {"service.internal"})


def test_an_address_needs_no_look_up() -> None:
    assert look_up(parse("http://10.1.2.3:80/"), 0) == ("10.1.2.3",)
    assert look_up(parse("http://[FE80:0::1]/"), 0) == ("fe80::1",)


@pytest.mark.parametrize(
    ("url", "clear"),
    [
        ("https://vault.example:8200", False),
        ("http://127.0.0.1:8200", False),
        ("http://[::1]:8200/", False),
        ("http://localhost", False),
        ("http://vault.example:8200", True),
        ("HTTP://10.0.0.1", True),
        ("http://localhost.example", True),
        ("http://2130706433", True),
        (" http://vault.example", True),
        ("http://user:word@127.0.0.1", True),
        ("http://127.0.0.1@vault.example", True),
        ("http://[", True),
        ("vault.example:8200", False),
    ],
)
def test_what_travels_in_the_clear(url: str, clear: bool) -> None:
    assert in_the_clear(url) is clear


def test_families_and_loopback() -> None:
    assert (family("10.0.0.1"), family("fe80::1%eth0")) == (4, 6)
    assert all_loopback(["127.0.0.1", "::1", "127.8.8.8"])
    assert not all_loopback(["127.0.0.1", "10.0.0.1"])


class TestProxy:
    @pytest.fixture(autouse=True)
    def _bare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)

    def test_none_is_asked_for(self) -> None:
        assert proxy_for(parse("https://checkout.internal/")) is None

    def test_by_scheme_with_exceptions(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("https_proxy", "http://us%40er:w%3Aord@proxy.internal:3128")
        monkeypatch.setenv("no_proxy", "direct.internal,.svc.local")
        proxy = proxy_for(parse("https://checkout.internal/"))
        assert proxy is not None
        assert (proxy.host, proxy.port, proxy.login) == ("proxy.internal", 3128, "us@er:w:ord")
        assert "w:ord" not in repr(proxy)
        assert proxy_for(parse("http://checkout.internal/")) is None
        assert proxy_for(parse("https://direct.internal/")) is None
        assert proxy_for(parse("https://a.svc.local:8443/")) is None

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "checkout.localhost"])
    def test_never_for_loopback(self, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
        monkeypatch.setenv("all_proxy", "proxy.internal:3128")
        monkeypatch.setenv("http_proxy", "proxy.internal:3128")
        assert proxy_for(parse("http://10.0.0.1/")) is not None
        assert proxy_for(parse(f"http://{host}/")) is None

    @pytest.mark.parametrize("kind", ["socks5://proxy.internal:1080", "https://proxy.internal", "http://", "http://p:x"])
    def test_a_kind_that_we_do_not_speak_is_said(self, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
        monkeypatch.setenv("https_proxy", kind)
        with pytest.raises(NotAsked, match="proxy"):
            proxy_for(parse("https://checkout.internal/"))

    @pytest.mark.parametrize(
        ("listed", "url", "goes_through"),
        [
            ("*", "https://checkout.internal/", False),
            ("10.0.0.0/8", "http://10.1.2.3/", False),
            ("10.0.0.0/8", "http://11.1.2.3/", True),
            ("10.0.0.0/8", "https://checkout.internal/", True),
            ("fd00::/8", "https://[fd00::1]/", False),
            ("[fd00::1]:8443", "https://[fd00::1]:8443/", False),
            ("[fd00::1]:8443", "https://[fd00::1]/", True),
            ("fd00::1", "https://[fd00::1]/", False),
            ("*.internal", "https://checkout.INTERNAL/", False),
            ("out.internal", "https://checkout.internal/", True),
            ("checkout.internal:8443", "https://checkout.internal/", True),
            ("checkout.internal:443", "https://checkout.internal/", False),
            (" a, ,checkout.internal ", "https://checkout.internal/", False),
            ("not/a/network,:,[", "https://checkout.internal/", True),
            ("10.1.2.3", "http://10.1.2.3:80/", False),
        ],
    )
    def test_what_goes_without_one(self, monkeypatch: pytest.MonkeyPatch, listed: str, url: str, goes_through: bool) -> None:
        monkeypatch.setenv("ALL_PROXY", "proxy.internal:3128")
        monkeypatch.setenv("NO_PROXY", listed)
        assert (proxy_for(parse(url)) is not None) is goes_through

    def test_the_login_stands_in_what_libraries_are_given_and_nowhere_else(self) -> None:
        proxy = Proxy("fd00::1", 3128, "us@er:w:rd")
        assert proxy.url == "http://us%40er:w%3Ard@[fd00::1]:3128" and str(proxy) == "[fd00::1]:3128"
        assert "w:rd" not in repr(proxy) and Proxy("proxy", 80).url == "http://proxy:80"
