import { enableCopying } from "./copying.ts";
import { enableLiveSearch } from "./live-search.ts";
import { enableSelectAll } from "./select-all.ts";
import { enableShortAddresses } from "./short-addresses.ts";
import { enableTimeTravel } from "./time-travel.ts";

document.documentElement.classList.add("scripted");
enableCopying();
enableLiveSearch();
enableShortAddresses();
enableTimeTravel();
enableSelectAll();
