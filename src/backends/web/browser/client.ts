import { enableCopying } from "./copying.ts";
import { enableLiveSearch } from "./live-search.ts";

document.documentElement.classList.add("scripted");
enableCopying();
enableLiveSearch();
