import { ACCOUNT_PAGE } from "./account-page.tsx";
import { COMMIT_PAGE } from "./commit-page.tsx";
import { COMPARE_IMAGES_PAGE } from "./compare-images-page.tsx";
import { COMPARE_PAGE } from "./compare-page.tsx";
import { DELETE_PAGE, REPOSITORY_DELETE_PAGE } from "./delete-page.tsx";
import { LOG_PAGE, REPOSITORY_LOG_PAGE } from "./log-page.tsx";
import { MANIFEST_PAGE } from "./manifest-page.tsx";
import { MOVES_PAGE } from "./moves-page.tsx";
import type { Page } from "./page.ts";
import { REPOSITORIES_PAGE } from "./repositories-page.tsx";
import { REPOSITORY_PAGE } from "./repository-page.tsx";
import { REPOSITORY_SPACE_PAGE } from "./repository-space-page.tsx";
import { REPOSITORY_RESTORE_PAGE, RESTORE_PAGE } from "./restore-page.tsx";
import { RETAG_PAGE } from "./retag-page.tsx";
import { SIGN_IN_PAGE, SIGN_OUT_PAGE } from "./sign-in-page.tsx";
import { SPACE_PAGE } from "./space-page.tsx";
import { TAG_PAGE } from "./tag-page.tsx";
import { DONE_PAGE, UNDO_PAGE } from "./undo-page.tsx";

/** All pages. */
export const PAGES: readonly Page[] = [
  REPOSITORIES_PAGE,
  REPOSITORY_PAGE,
  REPOSITORY_SPACE_PAGE,
  REPOSITORY_RESTORE_PAGE,
  REPOSITORY_DELETE_PAGE,
  RETAG_PAGE,
  RESTORE_PAGE,
  DELETE_PAGE,
  UNDO_PAGE,
  DONE_PAGE,
  SIGN_IN_PAGE,
  SIGN_OUT_PAGE,
  ACCOUNT_PAGE,
  LOG_PAGE,
  REPOSITORY_LOG_PAGE,
  COMMIT_PAGE,
  COMPARE_PAGE,
  MOVES_PAGE,
  SPACE_PAGE,
  TAG_PAGE,
  MANIFEST_PAGE,
  COMPARE_IMAGES_PAGE,
];

/** Whether the page at a path may be kept. */
export function isKeptPage(path: string): boolean {
  return PAGES.some(({ isKept, pattern }) => isKept && pattern.match(path));
}
