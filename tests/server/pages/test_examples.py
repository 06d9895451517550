from server.examples import examples


def test_the_gallery_shows_every_example(clients, alice):
    page = clients.browser(alice).get("/examples").text
    assert all(f"/examples/{example.slug}/run" in page for example in examples())


def test_an_example_opens_in_the_editor_with_its_explanation(clients, alice):
    page = clients.browser(alice).get("/backtests/new?example=breakout").text
    assert "class Breakout(Strategy)" in page
    assert "It wins seldom and by much" in page
