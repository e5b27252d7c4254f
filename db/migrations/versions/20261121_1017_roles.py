"""Roles: named sets of scopes, and who holds them. What users held before follows from roles from now on."""

from db.migrations import run

revision = "202611211017"
down_revision = "202611211016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


DDL = """
CREATE TABLE roles (
  name TEXT NOT NULL CONSTRAINT roles_name_check CHECK (name ~ '^[a-z][a-z0-9-]{0,39}$'),
  description TEXT NOT NULL,
  scopes TEXT[] DEFAULT '{}' NOT NULL CONSTRAINT roles_scopes_check CHECK (scopes <@ ARRAY['orders:read', 'orders:write', 'orders:approve', 'inventory:read', 'inventory:write', 'reports:read', 'users:read', 'users:write', 'audit:read']),
  CONSTRAINT roles_pkey PRIMARY KEY (name)
);
INSERT INTO roles (name, description, scopes) VALUES
  ('customer', 'Buys: sees themselves and their own orders.', '{}'),
  ('support', 'Answers questions: sees everything but the audit, and changes nothing.',
    '{orders:read,inventory:read,reports:read,users:read}'),
  ('warehouse', 'Keeps the stock, and ships, delivers and takes back orders.',
    '{orders:read,orders:write,inventory:read,inventory:write}'),
  ('manager', 'Runs the shop: orders, stock and reports.',
    '{orders:read,orders:write,orders:approve,inventory:read,inventory:write,reports:read,users:read}'),
  ('admin', 'May do everything, and says who else may.',
    '{orders:read,orders:write,orders:approve,inventory:read,inventory:write,reports:read,users:read,users:write,audit:read}');
CREATE TABLE user_roles (
  user_id UUID NOT NULL CONSTRAINT user_roles_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  role TEXT NOT NULL CONSTRAINT user_roles_role_fkey REFERENCES roles (name),
  granted_by UUID CONSTRAINT user_roles_granted_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  granted_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT user_roles_pkey PRIMARY KEY (user_id, role)
);
CREATE INDEX user_roles_role_idx ON user_roles (role);
CREATE INDEX user_roles_granted_by_idx ON user_roles (granted_by) WHERE granted_by IS NOT NULL;
-- Machines keep what they were granted directly, and hold no role.
CREATE TEMPORARY TABLE people ON COMMIT DROP AS SELECT * FROM users WHERE id NOT IN (SELECT user_id FROM clients);
INSERT INTO user_roles (user_id, role) SELECT id, CASE WHEN is_admin THEN 'admin' ELSE 'customer' END FROM people;
-- Each set of scopes that users were given by hand becomes a role, so that it can be taken like any other.
CREATE TEMPORARY TABLE given ON COMMIT DROP AS
  SELECT u.id, array_agg(DISTINCT s.scope ORDER BY s.scope) AS scopes
  FROM people u, unnest(u.scopes) AS s (scope), roles r
  WHERE NOT u.is_admin AND r.name = 'admin' AND s.scope = ANY (r.scopes) GROUP BY u.id;
CREATE TEMPORARY TABLE made ON COMMIT DROP AS
  SELECT scopes, 'before-roles-' || row_number() OVER (ORDER BY scopes) AS name FROM (SELECT DISTINCT scopes FROM given) g;
INSERT INTO roles (name, description, scopes)
  SELECT name, 'What users were given before there were roles.', scopes FROM made;
INSERT INTO user_roles (user_id, role) SELECT g.id, m.name FROM given g JOIN made m USING (scopes);
UPDATE users SET scopes = '{}' WHERE id IN (SELECT id FROM people) AND scopes <> '{}';
ALTER TABLE users DROP COLUMN is_admin;
"""
