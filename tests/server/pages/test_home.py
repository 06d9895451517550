def test_a_stranger_is_told_what_this_is(clients):
    page = clients.charlie().get("/")
    assert page.status_code == 200
    assert "Create account" in page.text


def test_somebody_signed_in_is_led_to_their_own_pages(clients, alice):
    answer = clients.browser(alice).get("/")
    assert answer.status_code == 303
