/** Roles, the weakest first: a reader may read, a writer also write, an owner also delete. */
export const ROLES = ["reader", "writer", "owner"] as const;
export type Role = (typeof ROLES)[number];

export function parseRole(text: string): Role | undefined {
  return ROLES.find((role) => role === text);
}

/** Whether the role `held` includes the role `needed`. */
export function includesRole(held: Role, needed: Role): boolean {
  return ROLES.indexOf(held) >= ROLES.indexOf(needed);
}
