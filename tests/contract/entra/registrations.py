"""The applications and people registered in the simulator of these tests."""

TENANT = "11111111-2222-4333-8444-555555555555"
CLIENT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
SECRET = "correct horse battery staple"
PUBLIC_CLIENT = "aaaaaaaa-bbbb-4ccc-8ddd-ffffffffffff"
PERSON = "ada@contoso.example"
PASSWORD = "tr0ub4dor"
DISABLED_PERSON = "gone@contoso.example"
