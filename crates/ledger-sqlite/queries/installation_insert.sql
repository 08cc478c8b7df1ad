INSERT INTO installation (installation_no, key_check, state) VALUES (1, ?1, ?2) ON CONFLICT (installation_no) DO NOTHING
