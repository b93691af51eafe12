//! jsonrpsee's face of a peer.

use groundlink_transport::rpc::{Extensions, RpcModule};
use groundlink_transport::{Named, Peer, PeerBuilder, WeakPeer, codes, memory};
use jsonrpsee::core::client::{ClientT, Error};
use jsonrpsee::core::params::BatchRequestBuilder;
use jsonrpsee::rpc_params;
use jsonrpsee::types::ErrorObjectOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Sum {
    a: i64,
    b: i64,
}

fn peers() -> (Peer, Peer) {
    let mut module = RpcModule::new(());
    module
        .register_method("add", |params, (), _| {
            let sum: Sum = params.parse()?;
            Ok::<_, ErrorObjectOwned>(sum.a + sum.b)
        })
        .unwrap();
    module
        .register_async_method("ask_back", |_, _, extensions: Extensions| async move {
            let peer = extensions.get::<WeakPeer>().and_then(WeakPeer::upgrade).unwrap();
            let name: String = peer.call("name", &json!({})).await.unwrap();
            Ok::<_, ErrorObjectOwned>(format!("hello {name}"))
        })
        .unwrap();
    module.register_method("panic", |_, (), _| -> Result<(), ErrorObjectOwned> { panic!("in the module") }).unwrap();
    let server = PeerBuilder::new()
        .methods(module)
        .on_request(|request| Box::pin(async move { Ok(serde_json::value::to_raw_value(&request.method()).unwrap()) }));
    let client =
        PeerBuilder::new().on_request(|_| Box::pin(async { Ok(serde_json::value::to_raw_value("client").unwrap()) }));
    memory::peers(client, server)
}

#[tokio::test]
async fn a_module_serves_and_the_client_trait_calls() {
    let (client, _server) = peers();
    let sum: i64 = client.request("add", Named(Sum { a: 2, b: 40 })).await.unwrap();
    assert_eq!(sum, 42);
    let greeting: String = client.request("ask_back", rpc_params![]).await.unwrap();
    assert_eq!(greeting, "hello client");
    // What the module does not know goes to the handler.
    let name: String = client.request("other", rpc_params![]).await.unwrap();
    assert_eq!(name, "other");
    ClientT::notification(&client, "add", Named(json!({}))).await.unwrap();
}

#[tokio::test]
async fn errors_keep_their_codes() {
    let (client, _server) = peers();
    let error = client.call::<i64>("add", &json!({"a": "two"})).await.unwrap_err();
    assert_eq!(error.code(), Some(codes::INVALID_PARAMS));
    let error = client.call::<i64>("panic", &json!({})).await.unwrap_err();
    assert_eq!(error.code(), Some(codes::INTERNAL_ERROR));
    match client.request::<i64, _>("add", Named(json!({}))).await.unwrap_err() {
        Error::Call(error) => assert_eq!(i64::from(error.code()), codes::INVALID_PARAMS),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn positional_params_are_refused_rather_than_lost() {
    let (client, _server) = peers();
    let error = client.request::<i64, _>("add", rpc_params![2, 40]).await.unwrap_err();
    assert!(error.to_string().contains("wrap a struct in `Named`"), "{error}");
}

#[tokio::test]
async fn a_batch_goes_out_as_single_calls() {
    let (client, _server) = peers();
    let mut batch = BatchRequestBuilder::new();
    batch.insert("add", Named(Sum { a: 1, b: 2 })).unwrap();
    batch.insert("add", Named(json!({}))).unwrap();
    batch.insert("other", rpc_params![]).unwrap();
    let answers = client.batch_request::<Value>(batch).await.unwrap();
    assert_eq!((answers.num_successful_calls(), answers.num_failed_calls()), (2, 1));
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.map_err(|error| error.code())).collect();
    assert_eq!(answers, [Ok(json!(3)), Err(-32602), Ok(json!("other"))]);
}
