"""The words of papers and authors' names, indexed by the database itself and so always in step with what it holds.

SQLite: two FTS5 tables that read their text from the catalogue's tables and follow them by triggers. PostgreSQL: a
generated tsvector column on papers, and an index on an expression over authors' names.

`install` runs after every migration, since SQLite loses a table's triggers whenever Django rebuilds that table: a
missing trigger is made again and its index filled anew. The triggers name nothing but their own table and its index,
so that no later migration can stumble over them.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

# Marks that do not belong to Latin letters are parts of words, as to PostgreSQL: Devanagari's vowel signs, for one.
LETTERS = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
FTS5_TABLES = {
    "recommender_paper_words": ("papers_paper", ("title", "abstract"), f"porter {LETTERS}"),
    "recommender_author_words": ("papers_author", ("name",), LETTERS),
}

# PostgreSQL's own functions, since the extension `unaccent` is not everywhere, nor immutable where it is.
PLAIN = r"normalize(regexp_replace(normalize({}, NFD), '([A-Za-z])[\u0300-\u036f]+', '\1', 'g'), NFC)"

# Words stay in their paper's own row: 2 KB of them fetched from beside the table, as PostgreSQL has it by default, are
# five times the cost of ranking, of which its planner knows nothing, so that it reads the whole table instead.
POSTGRESQL = f"""
    ALTER TABLE papers_paper SET (toast_tuple_target = 8160);
    ALTER TABLE papers_paper ADD COLUMN IF NOT EXISTS words tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('english', {PLAIN.format("left(title, 10000)")}), 'A') ||
        setweight(to_tsvector('english', {PLAIN.format("left(abstract, 100000)")}), 'B')
    ) STORED;
    CREATE INDEX IF NOT EXISTS recommender_paper_words ON papers_paper USING gin (words);
    CREATE INDEX IF NOT EXISTS recommender_author_words ON papers_author
        USING gin (to_tsvector('simple', {PLAIN.format("name")}));
"""
# What an older version made, with accents or beside the table: it goes, and comes anew.
OUTDATED = """
    SELECT 'ALTER TABLE papers_paper DROP COLUMN words' FROM pg_attrdef JOIN pg_attribute
        ON adrelid = attrelid AND adnum = attnum JOIN pg_class ON pg_class.oid = attrelid
        WHERE attrelid = 'papers_paper'::regclass AND attname = 'words'
        AND (pg_get_expr(adbin, adrelid) NOT LIKE '%normalize%'
             OR coalesce(array_to_string(reloptions, ' '), '') NOT LIKE '%toast_tuple_target%')
    UNION ALL SELECT 'DROP INDEX recommender_author_words' FROM pg_indexes
        WHERE schemaname = current_schema() AND indexname = 'recommender_author_words'
        AND indexdef NOT ILIKE '%normalize%'
"""


def install(connection: BaseDatabaseWrapper) -> None:
    """Whatever is missing of the index, made and filled; nothing where all is there."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        if not {"papers_paper", "papers_author"} <= set(tables):
            return  # migrated back to nothing
        if connection.vendor == "postgresql":
            cursor.execute(OUTDATED)
            outdated = cursor.fetchall()
            for (statement,) in outdated:
                cursor.execute(statement)
            cursor.execute(POSTGRESQL)
            if outdated:
                cursor.execute("ANALYZE papers_paper (words)")  # what was known of the words went with the column
            return
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'trigger')")
        made = dict(cursor.fetchall())
        for index, (table, columns, tokenizer) in FTS5_TABLES.items():
            wanted = _triggers(index, table, columns)
            as_wanted = (
                f"CREATE VIRTUAL TABLE {index} USING fts5("
                f"{', '.join(columns)}, content='{table}', content_rowid='id', tokenize=\"{tokenizer}\")"
            )
            if made.get(index) == as_wanted and made.keys() >= wanted.keys():
                continue
            if made.get(index) != as_wanted:  # none, or an older version's, which took words apart otherwise
                cursor.execute(f"DROP TABLE IF EXISTS {index}")
                cursor.execute(as_wanted)
            for name in wanted.keys() - made.keys():
                cursor.execute(wanted[name])
            cursor.execute(f"INSERT INTO {index}({index}) VALUES ('rebuild')")


def _triggers(index: str, table: str, columns: tuple[str, ...]) -> dict[str, str]:
    """As https://sqlite.org/fts5.html#external_content_tables asks: what is forgotten must be told word for word."""
    names = ", ".join(columns)
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("old", "new"))
    forget = f"INSERT INTO {index}({index}, rowid, {names}) VALUES ('delete', old.id, {old});"
    learn = f"INSERT INTO {index}(rowid, {names}) VALUES (new.id, {new});"
    return {
        f"{index}_insert": f"CREATE TRIGGER {index}_insert AFTER INSERT ON {table} BEGIN {learn} END",
        f"{index}_delete": f"CREATE TRIGGER {index}_delete AFTER DELETE ON {table} BEGIN {forget} END",
        f"{index}_update": f"CREATE TRIGGER {index}_update AFTER UPDATE OF {names} ON {table} "
        f"BEGIN {forget} {learn} END",
    }
