DELETE FROM relay_use WHERE second < ?1
