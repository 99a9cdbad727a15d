import { ACCOUNT_ROUTES } from "./account.ts";
import type { ApiRoute } from "./api-route.ts";
import { CHANGE_ROUTES } from "./changes.ts";
import { COMPARE_IMAGES_ROUTES } from "./compare-images.ts";
import { LOG_ROUTES } from "./log.ts";
import { MANIFEST_ROUTES } from "./manifests.ts";
import { PAST_ROUTES } from "./past.ts";
import { REPOSITORY_ROUTES } from "./repositories.ts";
import { REPOSITORY_DETAILS_ROUTES } from "./repository.ts";
import { SPACE_ROUTES } from "./space.ts";
import { TAG_ROUTES } from "./tags.ts";

/** All routes of the API. */
export const API_ROUTES: readonly ApiRoute[] = [
  ...REPOSITORY_ROUTES,
  ...REPOSITORY_DETAILS_ROUTES,
  ...TAG_ROUTES,
  ...ACCOUNT_ROUTES,
  ...LOG_ROUTES,
  ...PAST_ROUTES,
  ...SPACE_ROUTES,
  ...CHANGE_ROUTES,
  ...MANIFEST_ROUTES,
  ...COMPARE_IMAGES_ROUTES,
];
