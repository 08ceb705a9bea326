declare module 'docusign-esign' {
  const sdk: import('./sdk.js').DocusignSdk;
  export default sdk;
}
