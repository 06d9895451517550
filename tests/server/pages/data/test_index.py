def test_what_is_held_is_listed_with_its_source(clients, alice):
    page = clients.browser(alice).get("/data").text
    assert "TINYUSDT futures" in page
    assert "native" in page
    assert "resampled" in page


def test_a_series_shows_its_months_and_bars(clients, alice):
    page = clients.browser(alice).get("/data/spot/TINYUSDT/1h?day=2024-01-02").text
    assert "2024-01-02 23:00" in page
    assert "2024-01-03 00:00" not in page.split("<h2>Bars</h2>")[1]
    assert '<td class="num">168</td>' in page
    # Two days of twelve hours up and twelve down, drawn as candles.
    assert 'aria-label="The last 48 bars as candles"' in page
    rose, fell = (
        page.split(f'<path class="line {name}" d="')[1].split('"')[0] for name in ("rose", "fell")
    )
    assert rose.count("Z") == fell.count("Z") == 24


def test_a_series_that_is_not_held_does_not_exist(clients, alice):
    for path in ("spot/NOPEUSDT/1h", "spot/TINYUSDT/7h", "margin/TINYUSDT/1h"):
        assert clients.browser(alice).get(f"/data/{path}").status_code == 404


def test_a_stranger_is_asked_to_sign_in(clients):
    answer = clients.charlie(Accept="text/html").get("/data")
    assert answer.headers["location"] == "/login?next=/data"
