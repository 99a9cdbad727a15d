/** Roles, the weakest first: reader may read, writer also write, owner also delete. */
export const ROLES = ["reader", "writer", "owner"] as const;
export type Role = (typeof ROLES)[number];

export function parseRole(text: string): Role | undefined {
  return ROLES.find((role) => role === text);
}

/** Whether holding `held` is enough where `needed` is asked for. */
export function includesRole(held: Role, needed: Role): boolean {
  return ROLES.indexOf(held) >= ROLES.indexOf(needed);
}
