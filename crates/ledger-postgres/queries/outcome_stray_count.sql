-- Outcomes of attempts of a release that do not stand.
SELECT count(*) FROM (
    (SELECT intent_no, attempt_no FROM outcome WHERE tenant_id = $1 AND release_id = $2 AND attempt_no > 0)
    EXCEPT
    (SELECT intent_no, attempt_no FROM attempt WHERE tenant_id = $1 AND release_id = $2)) stray
