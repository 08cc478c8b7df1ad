UPDATE installation SET state = ?1 WHERE installation_no = 1
