SELECT {columns} FROM {table} WHERE ({key}) > ({after}) ORDER BY {key} LIMIT {limit}
