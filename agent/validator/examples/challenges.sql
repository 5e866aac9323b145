-- region: sql
INSERT INTO challenges (id, session, challenge, expires) VALUES (:id, :session, :challenge, :expires);

UPDATE challenges SET used = 1  -- one row, or the login is refused; only then ask the service
WHERE id = :id AND session = :session AND used = 0 AND expires > :now RETURNING challenge;

DELETE FROM challenges WHERE expires < :now;
-- endregion: sql
