import { ACCOUNT_ROUTES } from "./account.ts";
import type { ApiRoute } from "./api-route.ts";
import { REPOSITORY_ROUTES } from "./repositories.ts";
import { REPOSITORY_DETAILS_ROUTES } from "./repository.ts";
import { TAG_ROUTES } from "./tags.ts";

/** All routes of the API. */
export const API_ROUTES: readonly ApiRoute[] = [
  ...REPOSITORY_ROUTES,
  ...REPOSITORY_DETAILS_ROUTES,
  ...TAG_ROUTES,
  ...ACCOUNT_ROUTES,
];
