SELECT key_check, state FROM installation WHERE installation_no = 1
