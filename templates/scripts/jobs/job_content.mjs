// Function behind the load balancer: it redirects the owner of a result to a signed address.
//
// It runs in the Node.js runtime of AWS Lambda, with its SDK of AWS and its own cryptography. The
// load balancer has already verified the token's signature, issuer, audience and time. The owner
// of a job is the token's `sub`, as in job_api.py. No token, key or address is ever logged.
// Guard: the archive has no comment lines, so no text of several lines may have a line like them.

import { createPrivateKey, createSign } from "node:crypto";
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

const PATHS = { image: "/v1/images/generations", video: "/v1/videos" };
const BEARER = /^bearer +[\w-]+\.([\w-]+)\.[\w-]+$/i;
const OWNER_CHARACTERS = 255;
const RETRY_S = 5;
const HASH = "SHA256";
const PATIENCE = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 2000, requestTimeout: 5000 },
};

const table = new DynamoDBClient(PATIENCE);
const secrets = new SecretsManagerClient(PATIENCE);
const privateKeys = new Map();

// Answer that is an error of the caller, in OpenAI's form.
class Refused extends Error {
  constructor(status, message, code, { headers = {}, param = null } = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
    const type = status < 500 ? "invalid_request_error" : "server_error";
    this.error = { message, type, param, code };
  }
}

// Answer to one request of the load balancer.
export async function handler(event) {
  try {
    return await routed(event);
  } catch (fault) {
    if (fault instanceof Refused) {
      return answer(fault.status, { error: fault.error }, fault.headers);
    }
    console.log(JSON.stringify({ event: "aws_error", code: fault.code ?? fault.name }));
    const away = new Refused(503, "The service is not available. Retry later.", "unavailable");
    return answer(503, { error: away.error }, { "retry-after": String(RETRY_S) });
  }
}

async function routed(event) {
  const owner = ownerOf(event);
  const jobs = PATHS[process.env.KIND];
  const [, job] = event.path.match(/^\/v1\/(?:images\/generations|videos)\/([^/]+)\/content$/) ?? [];
  if (job === undefined || event.path !== `${jobs}/${job}/content`) {
    throw new Refused(404, "There is nothing at this path.", "not_found");
  }
  if (event.httpMethod !== "GET") {
    const message = "This path accepts GET only.";
    throw new Refused(405, message, "method_not_allowed", { headers: { allow: "GET" } });
  }
  const row = await ownRow(job, owner);
  return redirect(row, variantOf(event));
}

// Values of the Authorization header, however often it is there.
function tokens(event) {
  const stated = Object.entries(event.multiValueHeaders ?? {});
  return stated.filter(([name]) => name.toLowerCase() === "authorization").flatMap(([, v]) => v);
}

// Subject of the caller's token, whose signature was verified before this function ran.
// Guard: of two tokens, the load balancer may have verified the other one.
function ownerOf(event) {
  const stated = tokens(event);
  const [, payload] = (stated.length === 1 && stated[0].match(BEARER)) || [];
  const claims = payload === undefined ? {} : claimsOf(payload);
  const length = typeof claims.sub === "string" ? [...claims.sub].length : 0;
  const current = typeof claims.exp === "number" && claims.exp > now();
  if (!current || length < 1 || length > OWNER_CHARACTERS || claims.iss !== process.env.ISSUER) {
    const message = "One bearer token of the issuer with a subject is required.";
    const headers = { "www-authenticate": "Bearer" };
    throw new Refused(401, message, "invalid_token", { headers });
  }
  return claims.sub;
}

// Claims of a token; none where they cannot be read.
function claimsOf(payload) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true });
    return JSON.parse(text.decode(Buffer.from(payload, "base64url"))) ?? {};
  } catch {
    return {};
  }
}

// Row of a job. Another owner's job and an expired one do not exist.
async function ownRow(job, owner) {
  const row = /^[0-9a-f]{32}$/.test(job) ? await found(job) : undefined;
  if (row === undefined || row.owner.S !== owner || Number(row.expires_at.N) <= now()) {
    throw new Refused(404, "There is no such job.", "not_found");
  }
  return row;
}

async function found(job) {
  const Key = { id: { S: job } };
  const one = new GetItemCommand({ TableName: process.env.TABLE, Key, ConsistentRead: true });
  return (await table.send(one)).Item;
}

// Variant that a request asks for; the result itself has the name of its kind.
function variantOf(event) {
  const stated = event.multiValueQueryStringParameters?.variant ?? [process.env.KIND];
  return stated.length === 1 ? stated[0] : "";
}

// Names of the variants of a job: those that it has, else those that it gets.
function variantsOf(row) {
  return row.variants ? Object.keys(row.variants.M) : JSON.parse(process.env.VARIANTS);
}

// Key of a variant of a job.
function keyOf(row, variant) {
  if (row.state.S !== "completed") {
    throw new Refused(409, `The job is ${row.state.S}; it has no content.`, "not_completed");
  }
  if (variant === process.env.KIND) {
    return row.key.S;
  }
  const known = variantsOf(row);
  if (!known.includes(variant)) {
    const expected = [process.env.KIND, ...known].join(" or ");
    const message = `\`variant\` has a wrong value; expected ${expected}.`;
    throw new Refused(400, message, "invalid_value", { param: "variant" });
  }
  if (row.variants === undefined) {
    const state = row.variants_error === undefined ? "queued" : "failed";
    const message = `The variant ${variant} is ${state}; it has no content.`;
    throw new Refused(409, message, "not_completed");
  }
  return row.variants.M[variant].M.key.S;
}

// Redirect to a signed address of the result or of a variant, which never outlives the result.
async function redirect(row, variant) {
  const key = keyOf(row, variant);
  const ends = Math.min(Math.floor(now()) + Number(process.env.URL_S), Number(row.expires_at.N));
  const location = await signed(`https://${process.env.DOMAIN}/${key}`, ends);
  return answer(302, null, { location, "cache-control": "no-store" });
}

// Address with a canned policy of CloudFront. Guard: the policy is signed as it is written here,
// without spaces, since CloudFront makes the same text from the address.
async function signed(address, ends) {
  const until = { DateLessThan: { "AWS:EpochTime": ends } };
  const policy = JSON.stringify({ Statement: [{ Resource: address, Condition: until }] });
  const key = await privateKey(process.env.SECRET_ARN);
  const signature = createSign(HASH).update(policy).sign(key, "base64");
  const safe = signature.replaceAll("+", "-").replaceAll("=", "_").replaceAll("/", "~");
  const id = process.env.KEY_PAIR_ID;
  return `${address}?Expires=${ends}&Signature=${safe}&Key-Pair-Id=${id}&Hash-Algorithm=${HASH}`;
}

// Private key, read once. The next request repeats a failed read, and one of another text.
async function privateKey(secret) {
  if (!privateKeys.has(secret)) {
    const read = await secrets.send(new GetSecretValueCommand({ SecretId: secret }));
    privateKeys.set(secret, createPrivateKey(read.SecretString));
  }
  return privateKeys.get(secret);
}

function now() {
  return Date.now() / 1000;
}

// Answer in the form that the load balancer expects.
function answer(status, body, headers = {}) {
  const stated = Object.entries({ "content-type": "application/json", ...headers });
  return {
    statusCode: status,
    multiValueHeaders: Object.fromEntries(stated.map(([name, value]) => [name, [value]])),
    body: body === null ? "" : JSON.stringify(body),
    isBase64Encoded: false,
  };
}
