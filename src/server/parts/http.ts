import { ensureTokenKey } from "../../frontends/http/auth/token-key.ts";
import { CertificateFiles } from "../../frontends/http/listen/certificates.ts";
import { unreachableHostsWarning } from "../../frontends/http/listen/reachable-hosts.ts";
import { HttpTraffic } from "../../frontends/http/requests/http-traffic.ts";
import { startHttp } from "../../frontends/http/threads/start-http.ts";
import { ADMINISTRATOR } from "./administrator.ts";
import { serverPart } from "./context.ts";
import { STORES } from "./data.ts";
import { OTHER_NODES } from "./following.ts";
import { BACKENDS, INSTANCES } from "./registries.ts";
import { AUTHENTICATOR, PASSWORDS, TOKEN_USES, USERS } from "./users.ts";
import { WEB_BACKEND } from "./web.ts";

export const TRAFFIC = serverPart({
  name: "the counts of requests",
  needs: {},
  start: (_, { config }) => new HttpTraffic(config.http?.workers ?? 1),
});

const TOKEN_KEY = serverPart({
  name: "the token key",
  starting: "reading the token key",
  needs: { stores: STORES, administrator: ADMINISTRATOR },
  start: ({ stores: { stores } }) => ensureTokenKey(stores),
});

export const CERTIFICATES = serverPart({
  name: "the certificates",
  needs: { administrator: ADMINISTRATOR, instances: INSTANCES },
  start: ({ instances }, { config: { http }, log }) => {
    const hosts = () => instances.list().flatMap(({ vhosts }) => vhosts);
    return http?.settings.listenTls && new CertificateFiles(http.certificates, { log, hosts });
  },
  stop: (certificates) => certificates?.stop(),
});

/** Provides `undefined` if HTTP is disabled. */
export const HTTP = serverPart({
  name: "HTTP",
  needs: {
    administrator: ADMINISTRATOR,
    traffic: TRAFFIC,
    tokenKey: TOKEN_KEY,
    certificates: CERTIFICATES,
    users: USERS,
    passwords: PASSWORDS,
    authenticator: AUTHENTICATOR,
    tokenUses: TOKEN_USES,
    instances: INSTANCES,
    backends: BACKENDS,
    web: WEB_BACKEND,
    others: OTHER_NODES,
  },
  // Certificates stop first, so that no renewed certificate makes a stopping server listen again.
  stopsAfter: [CERTIFICATES],
  async start(
    { administrator: _password, traffic, tokenKey, certificates, ...services },
    { config, log, spawn },
  ) {
    if (!config.http) return undefined;
    const http = await startHttp(
      {
        ...config.http,
        certificates: certificates?.certificates ?? [],
        tokenKey,
        traffic,
        spawn: spawn.http,
      },
      { ...services, log },
    );
    const { plain, tls } = http.addresses;
    const hosts = services.instances.list().flatMap(({ vhosts }) => vhosts);
    const warning = unreachableHostsWarning(tls ? [plain, tls] : [plain], hosts);
    if (warning !== undefined) log.warn(warning);
    certificates?.watch((renewed) => http.renewCertificates(renewed));
    return http;
  },
  stop: (http) => http?.stop(),
});
