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
  constructor(status, message, code, headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
    const type = status < 500 ? "invalid_request_error" : "server_error";
    this.error = { message, type, param: null, code };
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
  const owner = ownerOf(lowered(event.headers ?? {}));
  const jobs = PATHS[process.env.KIND];
  const [, job] = event.path.match(/^\/v1\/(?:images\/generations|videos)\/([^/]+)\/content$/) ?? [];
  if (job === undefined || event.path !== `${jobs}/${job}/content`) {
    throw new Refused(404, "There is nothing at this path.", "not_found");
  }
  if (event.httpMethod !== "GET") {
    const message = "This path accepts GET only.";
    throw new Refused(405, message, "method_not_allowed", { allow: "GET" });
  }
  return redirect(await ownRow(job, owner));
}

function lowered(headers) {
  return Object.fromEntries(Object.entries(headers).map(([name, v]) => [name.toLowerCase(), v]));
}

// Subject of the caller's token, whose signature was verified before this function ran.
function ownerOf(headers) {
  const [, scheme, token] = (headers.authorization ?? "").match(/^([^ ]*) ?(.*)$/s);
  const parts = token.trim().split(".");
  let subject;
  if (scheme.toLowerCase() === "bearer" && parts.length === 3) {
    try {
      const text = new TextDecoder("utf-8", { fatal: true });
      subject = JSON.parse(text.decode(Buffer.from(parts[1], "base64url")))?.sub;
    } catch {
      subject = undefined;
    }
  }
  const length = typeof subject === "string" ? [...subject].length : 0;
  if (length < 1 || length > OWNER_CHARACTERS) {
    const message = "A bearer token with a subject is required.";
    throw new Refused(401, message, "invalid_token", { "www-authenticate": "Bearer" });
  }
  return subject;
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

// Redirect to a signed address of the result, which never outlives the result.
async function redirect(row) {
  if (row.state.S !== "completed") {
    throw new Refused(409, `The job is ${row.state.S}; it has no content.`, "not_completed");
  }
  const ends = Math.min(Math.floor(now()) + Number(process.env.URL_S), Number(row.expires_at.N));
  const location = await signed(`https://${process.env.DOMAIN}/${row.key.S}`, ends);
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
  return {
    statusCode: status,
    headers: { "content-type": "application/json", ...headers },
    body: body === null ? "" : JSON.stringify(body),
    isBase64Encoded: false,
  };
}
